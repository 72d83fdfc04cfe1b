// What a question takes, and that nothing in it is left out without a word; and that no denial passes for true.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Answer, Changes, Ward, World } from 'caseward';

import { NOW, attendance, refuses } from './support.js';

const PRINCIPAL = 'User::"u00001"';
const RESOURCE = 'Case::"c0000001"';

test('a denial is false where it is asked for', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 20, seed: 1 });
  const denied = { principal: 'User::"nobody"', action: 'viewSummary', resource: RESOURCE };
  assert.equal(ward.allows(world, denied), false);
  const answer = ward.answer(world, denied);
  assert.ok(answer instanceof Answer && answer.allowed === false);
  // The name that invited `if (ward.check(…))` is loud.
  refuses(() => ward.check(world, denied), 'request', /`check` is now `allows`.*`answer`/);
  // biome-ignore lint/suspicious/noDoubleEquals: what is tried
  for (const compare of [() => answer == true, () => +answer, () => answer > 0]) {
    assert.throws(compare, /neither true nor false: ask its `allowed`/);
  }
  assert.equal(`${answer}`, 'deny');
  const actions = ward.actions(world, { principal: PRINCIPAL, resource: RESOURCE, now: NOW });
  assert.ok(actions.every(({ allowed, answer }) => allowed === (answer?.allowed === true)));
});

test('a key that a question does not have is refused, with the one that was meant', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 20, seed: 1 });
  const request = { principal: PRINCIPAL, action: 'viewSummary', resource: RESOURCE };
  const list = { principal: PRINCIPAL, action: 'viewSummary', type: 'Case' };
  const pair = { principal: PRINCIPAL, resource: RESOURCE };
  const who = { resource: RESOURCE, action: 'viewSummary', type: 'User' };
  const many = { principalType: 'User', principals: 'u00001', action: 'viewSummary', resourceType: 'Case', resources: ['c1'] };
  const database = { dialect: 'sqlite' };
  const asked = {
    allows: [(q) => ward.allows(world, q), request],
    answer: [(q) => ward.answer(world, q), request],
    explain: [(q) => ward.explain(world, q), request],
    'json.answer': [(q) => ward.json.answer(world, q), request],
    list: [(q) => ward.list(world, q), list],
    count: [(q) => ward.count(world, q), list],
    visible: [(q) => ward.visible(world, q), list],
    sorted: [(q) => ward.sorted(world, q), list],
    watch: [(q) => ward.watch(world, q).dispose(), list],
    countBy: [(q) => ward.countBy(world, q), { ...list, by: [] }],
    filter: [(q) => ward.filter(world, q), { ...list, ...database }],
    actions: [(q) => ward.actions(world, q), pair],
    view: [(q) => ward.view(world, q), pair],
    who: [(q) => ward.who(world, q), who],
    whoWithReasons: [(q) => ward.whoWithReasons(world, q), who],
    alert: [(q) => ward.alert(world, q), { resource: RESOURCE, type: 'User' }],
    report: [(q) => ward.report(world, q), { principal: PRINCIPAL, kind: 'school', by: [] }],
    release: [
      (q) => ward.release(world, q),
      { principal: PRINCIPAL, release: "name = 'r'\nkind = 'anonymised'\n[[tables]]\nby = ['status']\n" },
    ],
    checkMany: [(q) => ward.checkMany(world, q), many],
  };
  for (const [name, [ask, question]] of Object.entries(asked)) {
    refuses(() => ask({ ...question, nwo: NOW }), 'request', /takes no `nwo`: did you mean `now`/);
    refuses(() => ask({ ...question, completelyElse: 1 }), 'request', /takes no `completelyElse`: it takes `/);
    // The time has one place, for every question.
    assert.doesNotThrow(() => ask({ ...question, now: NOW, context: undefined, nothing: undefined }), name);
    assert.throws(() => ask({ ...question, now: NOW.getTime() }), /`now` must be a Date/, name);
    if (['alert', 'report', 'release'].includes(name)) continue;
    refuses(() => ask({ ...question, context: { now: NOW } }), 'request', /`now` stands beside `context`/);
  }
  refuses(() => ward.tables({ ...database, maping: '' }), 'request', /`maping`: did you mean `mapping`/);
  refuses(() => ward.countBy(world, { ...list, by: [], protect: { bellow: 6 } }), 'request', /did you mean `below`/);
  refuses(() => new Ward({ polices: '', policies: '' }), 'request', /did you mean `policies`/);
  refuses(() => new Changes().put(PRINCIPAL, {}, { parent: [] }), 'request', /did you mean `parents`/);
  refuses(() => World.sample(ward, { case: 1 }), 'request', /did you mean `cases`/);
  refuses(() => ward.visible(world, list).page(undefined, { mots: 1 }), 'request', /did you mean `most`/);
  refuses(() => ward.sorted(world, list).page(undefined, { mots: 1 }), 'request', /did you mean `most`/);
});

test('the time beside the context is the one that is decided with', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 20, seed: 1 });
  const at = new Date('2026-02-20T00:00:00Z');
  const request = { principal: PRINCIPAL, action: 'viewSummary', resource: RESOURCE, now: at };
  assert.deepEqual(ward.answer(world, request).now, at);
  assert.equal(JSON.parse(ward.json.answer(world, request)).now, '2026-02-20T00:00:00.000Z');
  assert.deepEqual(ward.visible(world, { principal: PRINCIPAL, action: 'viewSummary', type: 'Case', now: at }).now, at);
  const view = ward.view(world, { principal: PRINCIPAL, resource: RESOURCE, now: at });
  assert.deepEqual(view.now, at);
});
