// Every policy case and every question on random worlds, answered as the native build answers them: to the byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CasewardError, Ward, World } from 'caseward';

import { call } from '../js/engine.js';
import { answers } from './support.js';

/** A context of Cedar's JSON as a user of this package writes it: dates as `Date`, large numbers as bigints, the time
 * beside it. */
function circumstances(json) {
  const exact = json.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}/g, (token) =>
    token.startsWith('"') ? token : `"bigint ${token}"`,
  );
  const { now, ...context } = JSON.parse(exact, (_, value) => {
    if (typeof value === 'string' && value.startsWith('bigint ')) return BigInt(value.slice(7));
    const call = value?.__extn;
    return call?.fn === 'datetime' ? new Date(call.arg) : value;
  });
  return now instanceof Date || now === undefined ? { context, now } : { context: { now, ...context } };
}

/** `{type, id}` of a name as answers have it. */
function named(text) {
  const [type, id] = call((raw) => raw.Ward.parse_uid(text));
  return { type, id };
}

/** What questions about two entities take. */
function pair({ principal, resource, context, now }) {
  return { principal, resource, context, now };
}

/** How a kind of question is asked, and its answer as the engine's JSON. */
const ASK = {
  check: (ward, world, { type: _, dialect: __, ...question }) => {
    const json = ward.json.answer(world, question);
    // The quick road comes to the same.
    const answer = ward.answer(world, question);
    const { policyHash: policy_hash, now, ...rest } = answer.toJSON();
    const whole = JSON.parse(json);
    assert.deepEqual({ ...rest, policy_hash }, (({ now: _, ...rest }) => rest)(whole));
    assert.equal(now?.getTime(), whole.now === null ? undefined : Date.parse(whole.now));
    const many = ward.checkMany(world, {
      principalType: question.principal.type,
      principals: question.principal.id,
      action: question.action,
      resourceType: question.resource.type,
      resources: [question.resource.id, ''],
      context: question.context,
      now: question.now,
    });
    assert.deepEqual([...many.allowed], [answer.allowed ? 1 : 0, 0]);
    return json;
  },
  list: (ward, world, { resource: _, dialect: __, ...question }) => {
    const ids = ward.list(world, question);
    assert.equal(ward.count(world, question), ids.length);
    assert.deepEqual(ward.list(world, question), ids, 'from the ids that are kept');
    return JSON.stringify(ids);
  },
  actions: (ward, world, question) => ward.json.actions(world, pair(question)),
  explain: (ward, world, { type: _, dialect: __, ...question }) => ward.json.explain(world, question),
  explain_for: (ward, world, { type: _, dialect: __, ...question }) =>
    ward.json.explain(world, { ...question, viewer: question.principal }),
  view: (ward, world, question) => ward.json.view(world, pair(question)),
  who: (ward, world, { principal, dialect: _, ...question }) => {
    const json = ward.json.whoWithReasons(world, { ...question, type: principal.type });
    const ids = ward.who(world, { ...question, type: principal.type });
    assert.deepEqual(ids.map((id) => ({ type: principal.type, id })), JSON.parse(json).map((one) => named(one.principal)));
    return json;
  },
  filter: (ward, world, { resource: _, ...question }) => ward.json.filter(world, question),
  sorted: (ward, world, { resource: _, dialect: __, ...question }) => {
    const found = ward.sorted(world, { ...question, by: 'openedAt', descending: true, where: ['status=open'] });
    const [ids, size] = [found.ids(), found.size];
    assert.deepEqual([found.page(undefined, { most: size + 1 }), size], [{ ids, next: undefined }, ids.length]);
    found.dispose();
    return JSON.stringify(ids);
  },
  count_by: (ward, world, { resource: _, dialect: __, ...question }) => ward.json.countBy(world, { ...question, by: ['status', 'month of openedAt'] }),
};

test('cases and random worlds', async (t) => {
  let [ward, world] = [undefined, undefined];
  const asked = {};
  const cases = { all: 0, allow: 0 };
  for (const line of answers()) {
    if ('policies' in line) {
      world?.dispose();
      ward?.dispose();
      world = undefined;
      ward = line.policies === null ? Ward.attendance() : new Ward({ ...line, catalogue: line.catalogue ?? undefined });
    } else if ('entities' in line) {
      world?.dispose();
      world = World.read(ward, line.entities);
      assert.equal(new TextDecoder().decode(world.toEntities()), line.written);
    } else {
      const { ask, principal, action, resource, dialect } = line;
      const question = { principal, action, resource, type: resource.type, dialect, ...circumstances(line.context) };
      let answer;
      try {
        answer = ASK[ask](ward, world, question);
      } catch (error) {
        if (!(error instanceof CasewardError)) throw error;
        answer = error;
      }
      const what = () => JSON.stringify(line, undefined, 1);
      if ('error' in line) {
        assert.equal(answer.message, line.error, what());
      } else {
        assert.equal(answer, line.answer, what());
      }
      asked[ask] = (asked[ask] ?? 0) + 1;
      if (line.case !== undefined) {
        const { decision, policies } = JSON.parse(answer);
        assert.equal(decision, line.case.expect, line.case.name);
        if (line.case.policies !== null) assert.deepEqual(policies.toSorted(), line.case.policies, line.case.name);
        cases.all += 1;
        cases.allow += decision === 'allow' ? 1 : 0;
      }
    }
  }
  t.diagnostic(`${JSON.stringify(asked)}, ${cases.all} cases`);
  assert.ok(cases.all >= 1_000 && cases.allow >= 300 && cases.all - cases.allow >= 300, JSON.stringify(cases));
  const least = { check: 2_000, list: 300, actions: 300, explain: 300, explain_for: 100, view: 300, who: 300, count_by: 100, sorted: 100, filter: 300 };
  for (const [ask, count] of Object.entries(least)) assert.ok(asked[ask] >= count, JSON.stringify(asked));
});
