// What the npm package takes, beside Cedar's own: rows of the same report as the engine's.
//
//   node benches/node/bench.mjs [REPORT.json]
//
// adds its rows to the report. Asks for `bindings/wasm/build dist`, and `npm ci` there. Every answer is asserted while
// it is timed. A figure is the median of rounds, with the 99th percentile of them beside it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';

const PACKAGE = new URL('../../bindings/wasm/', import.meta.url);
const { Ward, World } = await import(new URL('js/node.js', PACKAGE));
const cedar = createRequire(PACKAGE)('@cedar-policy/cedar-wasm/nodejs');

const CASES = Number(process.env.CASES ?? 100_000);
const NOW = new Date('2026-05-10T21:00:00Z');
const rows = [];

function record(name, implementation, unit, samples, answer) {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part) => sorted[Math.floor(((sorted.length - 1) * part) / 100)];
  rows.push({ name, implementation, unit, value: at(50), p99: at(99), samples: samples.length, answer: String(answer) });
}

/** Nanoseconds of one of `count` calls, a sample a round. */
function rounds(count, work, many = 31) {
  for (let n = 0; n < 3 * count; n += 1) work(n);
  return Array.from({ length: many }, () => {
    const start = process.hrtime.bigint();
    for (let n = 0; n < count; n += 1) work(n);
    return Number(process.hrtime.bigint() - start) / count;
  });
}

function timed(work) {
  const start = process.hrtime.bigint();
  const result = work();
  return [result, Number(process.hrtime.bigint() - start)];
}

// The module, and what it takes to begin.
const module = readFileSync(new URL('pkg/caseward_bg.wasm', PACKAGE));
record('node/module', 'caseward', 'bytes', [module.length], 'as it is');
record('node/module/gzipped', 'caseward', 'bytes', [gzipSync(module, { level: 9 }).length], 'gzip -9');
const program = `const s = process.hrtime.bigint(); await import(${JSON.stringify(String(new URL('js/node.js', PACKAGE)))});
console.log(String(process.hrtime.bigint() - s));`;
const started = Array.from({ length: 11 }, () =>
  Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })),
);
record('node/import', 'caseward', 'ns', started, 'in a process of its own');
const parsed = Array.from({ length: 7 }, () => {
  const [ward, ns] = timed(() => Ward.attendance());
  ward.dispose();
  return ns;
});
record('node/load the policies', 'caseward', 'ns', parsed, 'all of them');

const ward = Ward.attendance();
const [world, sampled] = timed(() => World.sample(ward, { cases: CASES, seed: 7 }));
record(`node/sample/${CASES}`, 'caseward', 'ns', [sampled], `${world.size} entities, ${world.bytes} bytes`);
const [bytes, written] = timed(() => world.toBytes());
record(`node/snapshot/write/${CASES}`, 'caseward', 'ns', [written], `${bytes.length} bytes`);
const [opened, read] = timed(() => World.fromBytes(ward, bytes));
record(`node/snapshot/open/${CASES}`, 'caseward', 'ns', [read], `${opened.size} entities`);
opened.dispose();

// Decisions. Expected ones come from the whole answer's JSON, which takes another road.
const people = world.ids('User');
const records = world.ids('Case');
const step = (all, n, by) => all[(n * by) % all.length];
const pairs = (count) =>
  Array.from({ length: count }, (_, n) => ({
    principal: { type: 'User', id: step(people, n, 7_919) },
    action: 'viewSummary',
    resource: { type: 'Case', id: step(records, n, 104_729) },
    now: NOW,
  }));
const decided = (request) => JSON.parse(ward.json.answer(world, request)).decision === 'allow';

for (const [temperature, count] of [['hot', 50], ['warm', 5_000]]) {
  const asked = pairs(count);
  const expected = asked.map(decided);
  const allowed = `${expected.filter(Boolean).length} of ${count} allowed`;
  const name = `node/check/viewSummary/${temperature}`;
  const check = (n) => {
    const at = n % count;
    if (ward.allows(world, asked[at]) !== expected[at]) assert.fail(`request ${at}`);
  };
  record(name, 'caseward', 'ns', rounds(10_000, check), allowed);
  const named = asked.map((request) => ({
    ...request,
    principal: `User::"${request.principal.id}"`,
    resource: `Case::"${request.resource.id}"`,
  }));
  const checkNamed = (n) => {
    const at = n % count;
    if (ward.allows(world, named[at]) !== expected[at]) assert.fail(`request ${at}`);
  };
  record(name, 'caseward, named by text', 'ns', rounds(10_000, checkNamed), allowed);
  const reasons = (n) => {
    const at = n % count;
    const answer = ward.answer(world, asked[at]);
    if (answer.policies.length > 0 !== expected[at] && answer.allowed) assert.fail(`request ${at}`);
  };
  record(name, 'caseward, with reasons', 'ns', rounds(1_000, reasons), allowed);

  if (temperature === 'hot') cedarRow(name, asked, expected, allowed);
}

/** Cedar's own package with policies and schema parsed beforehand, and the facts of each request picked for it. */
function cedarRow(name, asked, expected, answer) {
  const { schema, policies } = Ward.attendanceSources();
  assert.equal(cedar.preparseSchema('rules', schema).type, 'success');
  assert.equal(cedar.preparsePolicySet('rules', { staticPolicies: policies }).type, 'success');
  const calls = asked.map(({ principal, action, resource }) => ({
    principal,
    action: { type: 'Action', id: action },
    resource,
    context: { now: { __extn: { fn: 'datetime', arg: NOW.toISOString() } } },
    preparsedSchemaName: 'rules',
    preparsedPolicySetId: 'rules',
    validateRequest: false,
    entities: facts(principal, resource),
  }));
  const check = (n) => {
    const at = n % calls.length;
    const { response } = cedar.statefulIsAuthorized(calls[at]);
    if ((response.decision === 'allow') !== expected[at]) assert.fail(`request ${at}: Cedar says ${response.decision}`);
  };
  record(name, 'cedar-wasm, slice ready', 'ns', rounds(50, check, 11), answer);
}

/** The entities that a decision on a case can read, in Cedar's JSON: as `caseward` holds them, found by name. */
function facts(...uids) {
  const found = new Map();
  const open = [...uids];
  while (open.length > 0) {
    const uid = open.pop();
    const key = `${uid.type} ${uid.id}`;
    const attrs = found.has(key) ? undefined : world.attributes(uid);
    if (attrs === undefined) continue;
    const written = {};
    for (const [name, value] of Object.entries(attrs)) written[name] = write(value, open);
    found.set(key, { uid, attrs: written, parents: [] });
  }
  return [...found.values()];
}

function write(value, open) {
  if (value instanceof Date) return { __extn: { fn: 'datetime', arg: value.toISOString() } };
  if (Array.isArray(value)) return value.map((one) => write(one, open));
  if (typeof value?.type !== 'string') return value;
  open.push(value);
  return { __entity: value };
}

// Columns.
{
  const count = 100_000;
  const asked = pairs(count);
  const ids = { principals: asked.map(({ principal }) => principal.id), resources: asked.map(({ resource }) => resource.id) };
  const question = { principalType: 'User', action: 'viewSummary', resourceType: 'Case', now: NOW };
  const expected = asked.map((request) => (ward.allows(world, request) ? 1 : 0));
  const allowed = `${expected.filter(Boolean).length} of ${count} allowed`;
  const numbers = { principals: world.numbers('User', ids.principals), resources: world.numbers('Case', ids.resources) };
  for (const [implementation, columns] of [['caseward, numbers', numbers], ['caseward, ids', ids]]) {
    const samples = rounds(1, () => {
      const { allowed } = ward.checkMany(world, { ...question, ...columns });
      if (!allowed.every((one, at) => one === expected[at])) assert.fail('a column');
    }, 9);
    record('node/checkMany/100000, a decision', implementation, 'ns', samples.map((ns) => ns / count), allowed);
  }
}

// Lists: a person who sees about a thousand cases, and one who sees some tens.
for (const [name, wanted] of [['about 1000', 1_000], ['some tens', 40]]) {
  let best;
  for (const id of people) {
    const question = { principal: { type: 'User', id }, action: 'viewSummary', type: 'Case', now: NOW };
    const count = ward.count(world, question);
    if (best === undefined || Math.abs(count - wanted) < Math.abs(best.count - wanted)) best = { count, question };
  }
  const { count, question } = best;
  const found = `${count} of ${CASES}`;
  const list = () => {
    if (ward.list(world, question).length !== count) assert.fail('a list');
  };
  record(`node/list/${name}`, 'caseward', 'ns', rounds(100, list), found);
  const visible = () => {
    const set = ward.visible(world, question);
    if (set.size !== count) assert.fail('a set');
    set.dispose();
  };
  record(`node/list/${name}`, 'caseward, as a set', 'ns', rounds(100, visible), found);
}

const report = process.argv[2];
if (report !== undefined) {
  const before = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : [];
  const others = before.filter(({ name }) => !name.startsWith('node/'));
  writeFileSync(report, `${JSON.stringify([...others, ...rows], undefined, 2)}\n`);
}
console.log('| what | who | median | p99 | unit | answer |\n|---|---|---:|---:|---|---|');
for (const { name, implementation, unit, value, p99, answer } of rows) {
  console.log(`| ${name} | ${implementation} | ${value.toFixed(1)} | ${p99.toFixed(1)} | ${unit} | ${answer} |`);
}
const gzipped = rows.find(({ name }) => name === 'node/module/gzipped').value;
assert.ok(gzipped <= 1_600_000, `the module has ${gzipped} bytes gzipped, more than 1.6 MB: is it of \`build dist\`?`);
