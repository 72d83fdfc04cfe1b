// Nothing that comes in stops the engine for good: hostile inputs, and an engine that is made to stop.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { CasewardError, Ward, World, diagnose, format } from 'caseward';

import { call } from '../js/engine.js';
import { ROOT, attendance, refuses } from './support.js';

/** Every input of the fuzz targets: seeds, and what once failed. */
function* inputs(target) {
  for (const kind of ['seeds', 'crashes']) {
    const folder = new URL(`fuzz/${kind}/${target}/`, ROOT);
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder)) yield { name: `${kind}/${target}/${name}`, data: readFileSync(new URL(name, folder)) };
  }
}

test("core's laws hold on this platform, on every input of the fuzz targets and some of its own", (t) => {
  const targets = call((raw) => raw.targets()).split('\n');
  assert.ok(targets.length >= 7);
  let count = 0;
  for (const target of targets) {
    for (const { name, data } of inputs(target)) {
      assert.doesNotThrow(() => call((raw) => raw.run_target(target, data)), name);
      count += 1;
    }
    for (let seed = 0; seed < 25; seed += 1) {
      const data = call((raw) => raw.bytes(BigInt(seed), 1_500));
      assert.doesNotThrow(() => call((raw) => raw.run_target(target, data)), `${target}, seed ${seed}`);
      count += 1;
    }
  }
  t.diagnostic(`${count} inputs`);
});

/** Runs `work`, which may refuse and nothing else. */
function takes(work, name) {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof CasewardError && error.kind !== 'stopped' && error.kind !== 'gone', `${name}: ${error?.stack}`);
  }
}

test('what the fuzz targets are fed is refused or taken by the package', () => {
  const ward = attendance();
  const texts = ['policy_text', 'schema_text', 'entities_json', 'snapshot'].flatMap((target) => [...inputs(target)]);
  const deep = (open, close, n = 100_000) => open.repeat(n) + close.repeat(n);
  const odd = [
    '',
    '\0',
    '\u{10ffff}',
    deep('(', ')'),
    deep('[', ']'),
    deep('{"a":', '}'),
    `[{"uid":${deep('{"__entity":', '}')},"attrs":{},"parents":[]}]`,
    `@id("a") permit (principal, action, resource) when { ${deep('(', ')', 600)} };`,
    `@id("a") permit (principal, action, resource) when { ${'!'.repeat(5_000)}true };`,
    `@id("a") permit (principal, action, resource) when { ${'1 + '.repeat(5_000)}1 == 1 };`,
    `@id("a") permit (principal, action, resource) when { ${'if true then '.repeat(3_000)}true };`,
    `entity A = { a: ${deep('Set<', '>', 5_000)} };`,
    `entity A = { a: ${deep('{ a: ', ' }', 5_000)} };`,
  ].map((text, n) => ({ name: `odd ${n}`, data: new TextEncoder().encode(text) }));
  for (const { name, data } of [...texts, ...odd]) {
    const text = new TextDecoder().decode(data);
    takes(() => diagnose({ schema: text, policies: '' }), name);
    takes(() => diagnose({ policies: text }), name);
    takes(() => format(text), name);
    takes(() => World.read(ward, data).dispose(), name);
    takes(() => World.read(ward, text).dispose(), name);
    takes(() => World.fromBytes(ward, data).dispose(), name);
    const world = World.empty(ward);
    takes(() => ward.answer(world, { principal: text, action: text, resource: text }), name);
    takes(() => ward.list(world, { principal: { type: text, id: text }, action: text, type: text }), name);
    world.dispose();
  }
});

for (const [how, message] of [
  ['panic', /told to/],
  ['stack', /memory access out of bounds|call stack/],
  ['memory', /memory/],
]) {
  test(`an engine that stops (${how}) is started anew, and what it held is gone`, () => {
    const ward = Ward.attendance();
    const world = World.sample(ward, { cases: 5 });
    const request = { principal: 'User::"u00001"', action: 'viewSummary', resource: 'Case::"c0000001"' };
    const before = ward.answer(world, request);
    refuses(() => call((raw) => raw.stop(how)), 'stopped', /the engine stopped, and was started anew/);
    assert.throws(() => call((raw) => raw.stop(how)), message);
    for (const use of [
      () => ward.answer(world, request),
      () => ward.policies(),
      () => world.size,
      () => world.toBytes(),
      () => before.policies,
    ]) {
      refuses(use, 'gone', /gone: the engine stopped and was started anew/);
    }
    world.dispose();
    ward.dispose();
    const again = Ward.attendance();
    const data = World.sample(again, { cases: 5 });
    assert.equal(again.answer(data, request).decision, before.decision);
    assert.equal(again.answer(data, request).errors.length, 0);
  });
}
