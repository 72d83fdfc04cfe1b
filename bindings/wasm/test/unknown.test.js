// A name that the schema lacks is an error, an entity that the data lacks is denied: the cases that every binding runs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { World } from 'caseward';

import { NOW, ROOT, attendance, refuses } from './support.js';

/** Whether anything was allowed or found. */
const ASK = {
  check: (ward, world, asked) => ward.allows(world, asked),
  explain: (ward, world, asked) => ward.explain(world, asked).answer.allowed,
  list: (ward, world, asked) => ward.list(world, asked).length > 0,
  count: (ward, world, asked) => ward.count(world, asked) > 0,
  filter: (ward, world, asked) => ward.filter(world, { ...asked, dialect: 'sqlite' }).sql !== 'FALSE',
  who: (ward, world, asked) => ward.who(world, asked).length > 0,
  view: (ward, world, asked) => {
    const { sections, items, actions } = ward.view(world, asked);
    return sections.length + items.length + actions.length > 0;
  },
  actions: (ward, world, asked) => ward.actions(world, asked).some(({ allowed }) => allowed),
};

test('what the schema lacks is an error, and what the data lacks is denied', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 20, seed: 1 });
  const cases = JSON.parse(readFileSync(new URL('core/tests/unknown.json', ROOT), 'utf8'));
  for (const { ask, is, says, ...question } of cases) {
    const asked = () => ASK[ask](ward, world, { ...question, now: NOW });
    if (is === 'error') refuses(asked, 'request', new RegExp(says));
    else assert.equal(asked(), false, JSON.stringify({ ask, ...question }));
  }
});

test('so it is with what a world has', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 20, seed: 1 });
  for (const work of [
    () => world.count('Caes'),
    () => world.ids('Caes'),
    () => world.numbers('Caes', ['c1']),
    () => world.has('Caes::"c1"'),
    () => world.attributes('Caes::"c1"'),
  ]) {
    refuses(work, 'request', /no entity type `Caes`; did you mean `Case`/);
  }
  assert.deepEqual([world.has('Case::"x"'), world.attributes('Case::"x"')], [false, undefined]);
});
