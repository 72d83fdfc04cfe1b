// An independent witness: Cedar's own package for npm, on the same policies, entities and requests.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import { Ward, World } from 'caseward';

import { NOW, attendance } from './support.js';

const ACTIONS = ['viewSummary', 'viewRecord', 'closeCase', 'viewDemographics', 'addTeamMember'];

test('Cedar decides the same', (t) => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 60, seed: 11 });
  const { schema, policies } = Ward.attendanceSources();
  assert.deepEqual(cedar.preparseSchema('rules', schema), { type: 'success' });
  // Cedar names policies by number; the annotation says what they are called here.
  const texts = Object.fromEntries(Object.entries(policies).map(([name, text]) => [name, text]));
  assert.deepEqual(cedar.preparsePolicySet('rules', { staticPolicies: texts }), { type: 'success' });
  const entities = JSON.parse(new TextDecoder().decode(world.toEntities()));
  const by = new Map(entities.map((entity) => [JSON.stringify(entity.uid), entity]));
  const now = { __extn: { fn: 'datetime', arg: NOW.toISOString() } };
  const known = new Set(ward.policies().map(({ id }) => id));

  /** What an authorization can read of the data: what the two refer to, at any distance. */
  const slice = (...uids) => {
    const found = new Map();
    const open = [...uids];
    while (open.length > 0) {
      const key = JSON.stringify(open.pop());
      const entity = by.get(key);
      if (entity === undefined || found.has(key)) continue;
      found.set(key, entity);
      JSON.stringify(entity, (_, value) => {
        if (typeof value?.type === 'string' && typeof value.id === 'string') open.push({ type: value.type, id: value.id });
        return value;
      });
    }
    return [...found.values()];
  };

  const users = world.ids('User').filter((_, at) => at % 9 === 0);
  const cases = world.ids('Case').filter((_, at) => at % 15 === 0);
  let [asked, allowed] = [0, 0];
  for (const user of users) {
    // Some of what they see, and some of everything.
    const question = { principal: { type: 'User', id: user }, action: 'viewSummary', type: 'Case', now: NOW };
    for (const id of new Set([...ward.list(world, question).slice(0, 4), ...cases])) {
      const [principal, resource] = [{ type: 'User', id: user }, { type: 'Case', id }];
      const data = slice(principal, resource);
      for (const action of ACTIONS) {
        const needs = action === 'addTeamMember' ? { assignee: { __entity: { type: 'User', id: users[0] } } } : {};
        const extra = action === 'addTeamMember' ? slice({ type: 'User', id: users[0] }) : [];
        const all = new Map([...data, ...extra].map((entity) => [JSON.stringify(entity.uid), entity]));
        const answer = cedar.statefulIsAuthorized({
          principal,
          action: { type: 'Action', id: action },
          resource,
          context: { now, ...needs },
          preparsedSchemaName: 'rules',
          preparsedPolicySetId: 'rules',
          validateRequest: true,
          entities: [...all.values()],
        });
        assert.equal(answer.type, 'success', JSON.stringify(answer));
        const { decision, diagnostics } = answer.response;
        const ours = ward.answer(world, { principal, action, resource, context: needs, now: NOW });
        // Fails closed where Cedar skips a policy that errs.
        const expected = diagnostics.errors.length > 0 ? 'deny' : decision;
        assert.equal(ours.decision, expected, `${user} ${action} ${id}`);
        const reasons = diagnostics.reason.map((name) => name.replace(/\.cedar$/, '').replaceAll('/', '.'));
        assert.ok(reasons.every((reason) => known.has(reason)));
        assert.deepEqual(ours.policies.toSorted(), reasons.toSorted());
        asked += 1;
        allowed += decision === 'allow' ? 1 : 0;
      }
    }
  }
  t.diagnostic(`${asked} requests, ${allowed} allowed`);
  assert.ok(asked >= 500 && allowed >= 50, `${asked} requests, ${allowed} allowed`);
});
