// Lists in an order: as they are sorted by hand, page by page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Changes, Ward, World } from 'caseward';

import { NOW, attendance, refuses } from './support.js';

const QUESTION = { principal: 'User::"u00001"', action: 'viewSummary', type: 'Case', now: NOW };

const OTHER = { schema: 'entity User; action a appliesTo { principal: User, resource: User };', policies: '' };

/** All pages of a list, each of which a fresh one of the same question gives. */
function paged(ward, world, question, most) {
  const all = [];
  let cursor;
  do {
    const { ids, next } = ward.sorted(world, question).page(cursor, { most });
    assert.ok(ids.length <= most && (next === undefined || ids.length === most));
    all.push(...ids);
    cursor = next;
  } while (cursor !== undefined);
  return all;
}

test('a list is sorted, turned and filtered as by hand', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 300, seed: 7 });
  const facts = (id) => world.attributes({ type: 'Case', id });
  const every = ward.list(world, QUESTION);
  const open = every.filter((id) => facts(id).status === 'open');
  assert.ok(open.length > 10 && open.length < every.length);

  const by = { ...QUESTION, by: 'openedAt', where: ['status=open'] };
  const found = ward.sorted(world, by);
  const opened = (id) => facts(id).openedAt.getTime();
  const sorted = open.toSorted((a, b) => opened(a) - opened(b));
  assert.deepEqual(found.ids().map(opened), sorted.map(opened));
  assert.deepEqual(found.ids().toSorted(), open.toSorted());
  assert.deepEqual([found.size, found.version, found.policyHash, found.now], [open.length, 1, ward.policyHash, NOW]);
  assert.deepEqual(paged(ward, world, by, 7), found.ids());

  const turned = { ...by, descending: true };
  assert.deepEqual(ward.sorted(world, turned).ids().map(opened), sorted.map(opened).reverse());
  assert.deepEqual(paged(ward, world, turned, 9), ward.sorted(world, turned).ids());

  const middle = new Date(opened(sorted[sorted.length >> 1])).toISOString();
  const late = ward.sorted(world, { ...by, where: new Set(['status=open', `openedAt>=${middle}`]) }).ids();
  assert.deepEqual(late.toSorted(), open.filter((id) => opened(id) >= Date.parse(middle)).toSorted());
  // In no order, it is the world's.
  assert.deepEqual(ward.sorted(world, QUESTION).ids(), every);
  assert.deepEqual(paged(ward, world, QUESTION, 11), every);
  assert.deepEqual(ward.sorted(world, { ...QUESTION, principal: 'User::"nobody"' }).ids(), []);
});

test('a cursor is sealed, and goes with its question and its world', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 300, seed: 7 });
  const by = { ...QUESTION, by: 'openedAt' };
  const found = ward.sorted(world, by);
  const { ids, next } = found.page(undefined, { most: 5 });
  assert.doesNotMatch(next, /c0\d{6}|openedAt/);
  // The time goes on between pages.
  const later = { ...by, now: new Date(NOW.getTime() + 60_000) };
  assert.deepEqual(ward.sorted(world, later).page(next, { most: 5 }).ids, found.ids().slice(5, 10));
  refuses(() => ward.sorted(world, { ...by, descending: true }).page(next), 'request', /another question/);
  refuses(() => ward.sorted(World.sample(ward, { cases: 300, seed: 7 }), by).page(next), 'request', /another world/);
  refuses(() => found.page('1-2'), 'request', /not a cursor/);
  for (const most of [0, 1.5, '7']) refuses(() => found.page(undefined, { most }), 'request', /length of a page/);

  // What is found stays what it is; a record that comes past the cursor would come twice.
  world.apply(new Changes().set({ type: 'Case', id: ids[0] }, 'openedAt', new Date('2030-01-01T00:00:00Z')));
  assert.deepEqual(found.ids().slice(0, 5), ids);
  refuses(() => ward.sorted(world, by).page(next), 'request', /came past the cursor.*list anew/);
  found.dispose();
  refuses(() => found.page(), 'gone', /the list was disposed of/);
});

test('what makes no sense is refused', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 50, seed: 1 });
  for (const [more, why] of [
    [{ by: 'opendAt' }, /openedAt/],
    [{ by: 'team' }, /it is a set/],
    [{ by: 'student.name' }, /it is content, by which a store alone sorts/],
    [{ descending: true }, /in no order/],
    [{ where: ['status'] }, /is no condition/],
    [{ where: ['status==open'] }, /is no condition/],
    [{ where: ['openedAt>=yesterday'] }, /no instant in RFC 3339/],
    [{ where: Array(17).fill('status=open') }, /at most 16 conditions/],
    [{ by: 'student.currentProvider' }, /is not shown/],
  ]) {
    refuses(() => ward.sorted(world, { ...QUESTION, ...more }), 'request', why);
  }
  for (const [more, why] of [
    [{ where: 'status=open' }, /`where` must be an array of strings/],
    [{ where: [1] }, /a condition must be a string/],
    [{ by: 1 }, /`by` must be a string/],
    [{ descending: 'yes' }, /`descending` must be true or false/],
  ]) {
    assert.throws(() => ward.sorted(world, { ...QUESTION, ...more }), { name: 'TypeError', message: why });
  }
  refuses(() => ward.sorted(World.empty(new Ward(OTHER)), QUESTION), 'schema', /schema/);
});
