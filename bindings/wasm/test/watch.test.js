// What comes into sight and goes out of it: as lists before and after say.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Changes, Ward, World } from 'caseward';

import { call } from '../js/engine.js';
import { NOW, attendance, refuses } from './support.js';

const SCHEMA = `
  entity User = { team: String, until?: datetime };
  entity Note = { team: String };
  action read appliesTo { principal: User, resource: Note, context: { now: datetime } };
`;
const POLICIES = `
  @id("same") permit (principal, action, resource) when { principal.team == resource.team };
  @id("ended") forbid (principal, action, resource) when { principal has until && principal.until <= context.now };
`;
const QUESTION = { principal: 'User::"u"', action: 'read', type: 'Note' };
const note = (id) => ({ type: 'Note', id });
const moved = (id, team) => new Changes().set(note(id), 'team', team);

function small() {
  const ward = new Ward({ schema: SCHEMA, policies: POLICIES });
  const entity = (type, id, team) => ({ uid: { type, id }, attrs: { team }, parents: [] });
  const notes = [entity('Note', 'a', 'red'), entity('Note', 'b', 'blue'), entity('Note', 'c', 'blue')];
  return { ward, world: World.read(ward, [entity('User', 'u', 'red'), ...notes]) };
}

test('what a batch changes of a list is told, in order, and nothing else', async () => {
  const { ward, world } = small();
  const watch = ward.watch(world, { ...QUESTION, now: NOW });
  assert.deepEqual([watch.first, watch.version], [['a'], 1]);
  world.apply(moved('b', 'red'));
  world.apply(moved('c', 'green'));
  world.apply(moved('c', 'red').set(note('a'), 'team', 'blue'));
  assert.deepEqual(await watch.next(), { value: { version: 2, now: NOW, came: ['b'], went: [] }, done: false });
  assert.deepEqual(await watch.next(), { value: { version: 4, now: NOW, came: ['c'], went: ['a'] }, done: false });

  // Whoever waits is told with the batch; several are told in turn.
  const waiting = [watch.next(), watch.next()];
  world.apply(new Changes().remove(note('b')));
  world.apply(new Changes().put(note('d'), { team: 'red' }));
  assert.deepEqual((await Promise.all(waiting)).map(({ value: { came, went } }) => [came, went]), [[[], ['b']], [['d'], []]]);

  // A batch that is refused changes nothing.
  refuses(() => world.apply(moved('nothing', 'red')), 'data', /nothing/);
  // One that moves the person changes everything.
  world.apply(new Changes().set('User::"u"', 'team', 'blue'));
  assert.deepEqual((await watch.next()).value, { version: 7, now: NOW, came: ['a'], went: ['c', 'd'] });
  world.apply(new Changes().remove('User::"u"'));
  assert.deepEqual((await watch.next()).value.went, ['a']);
  // Nobody sees anything: what comes back is the next that is told.
  world.apply(moved('a', 'red'));
  world.apply(new Changes().put('User::"u"', { team: 'red' }));
  assert.deepEqual((await watch.next()).value, { version: 10, now: NOW, came: ['a', 'c', 'd'], went: [] });
});

test('it is an async iterator, which ends when it is left, and with its world', async () => {
  const { ward, world } = small();
  const watch = ward.watch(world, QUESTION);
  world.apply(moved('b', 'red'));
  world.apply(moved('c', 'red'));
  const came = [];
  const before = Date.now();
  for await (const seen of watch) {
    assert.ok(seen.now.getTime() <= before && before - seen.now.getTime() < 60_000, 'at the clock');
    came.push(...seen.came);
    if (came.length === 2) break;
  }
  assert.deepEqual(came, ['b', 'c']);
  world.apply(moved('a', 'blue'));
  assert.deepEqual(await watch.next(), { value: undefined, done: true });
  refuses(() => watch.tick(), 'gone', /has ended/);

  const other = ward.watch(world, QUESTION);
  const ended = (async () => {
    for await (const seen of other) assert.fail(JSON.stringify(seen));
    return 'ended';
  })();
  world.dispose();
  assert.equal(await ended, 'ended');
  other.dispose();
  refuses(() => ward.watch(world, QUESTION), 'gone', /disposed of/);
  const { world: another } = small();
  const planned = World.read(ward, another.toEntities()).with(moved('b', 'red'));
  refuses(() => ward.watch(planned, QUESTION), 'request', /seen through changes is not followed/);
});

test('time that passes shows with the next batch, or with a tick', async () => {
  const { ward, world } = small();
  const until = new Date(NOW.getTime() + 1_000);
  world.apply(new Changes().set('User::"u"', 'until', until));
  const watch = ward.watch(world, { ...QUESTION, now: NOW });
  watch.tick(new Date(NOW.getTime() + 999));
  watch.tick(until);
  assert.deepEqual((await watch.next()).value, { version: 2, now: until, came: [], went: ['a'] });
  // From there on.
  world.apply(moved('b', 'red'));
  watch.tick(NOW);
  assert.deepEqual((await watch.next()).value, { version: 3, now: NOW, came: ['a', 'b'], went: [] });
  // By the clock, which is later.
  const clock = ward.watch(world, QUESTION);
  assert.deepEqual(clock.first, ward.list(world, QUESTION));
  assert.throws(() => watch.tick(5), /`now` must be a Date/);
});

test('who takes too little is told so, once and after what waited', async () => {
  const { ward, world } = small();
  const watch = ward.watch(world, { ...QUESTION, waiting: 2 });
  for (const team of ['red', 'blue', 'red', 'blue']) world.apply(moved('b', team));
  assert.deepEqual([(await watch.next()).value.version, (await watch.next()).value.version], [2, 3]);
  await assert.rejects(watch.next(), { kind: 'gone', message: /2 changes that may wait.*watch anew/ });
  assert.deepEqual(await watch.next(), { value: undefined, done: true });
  refuses(() => ward.watch(world, { ...QUESTION, waiting: 0 }), 'request', /`waiting` must be a whole number/);
});

test('an engine that stops tells whoever waits', async () => {
  const { ward, world } = small();
  const [waits, looks] = [ward.watch(world, QUESTION), ward.watch(world, QUESTION)];
  const next = waits.next();
  refuses(() => call((raw) => raw.stop('panic')), 'stopped', /started anew/);
  await assert.rejects(next, { kind: 'stopped' });
  await assert.rejects(looks.next(), { kind: 'stopped' });
  assert.deepEqual(await looks.next(), { value: undefined, done: true });
  waits.dispose();
});

test('on sample data, what is told comes to what is listed', async () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 120, seed: 3 });
  const cases = world.ids('Case');
  const watches = world.ids('User').slice(0, 25).map((id) => {
    const question = { principal: { type: 'User', id }, action: 'viewSummary', type: 'Case', now: NOW };
    const watch = ward.watch(world, question);
    return { question, watch, seen: new Set(watch.first) };
  });
  let told = 0;
  for (let at = 0; at < 40; at += 1) {
    const one = { type: 'Case', id: cases[(at * 7) % cases.length] };
    const { student } = world.attributes({ type: 'Case', id: cases[(at * 11) % cases.length] });
    const user = { type: 'User', id: world.ids('User')[at % 25] };
    const changes = new Changes();
    if (at % 3 === 0) changes.set(one, 'student', student);
    else if (at % 3 === 1) changes.set(one, 'caseManager', user);
    else changes.set(user, 'loginActive', at % 2 === 0);
    world.apply(changes);
    for (const { question, watch, seen } of watches) {
      for (const { came, went, version } of await takenAtOnce(watch, ward.list(world, question), seen)) {
        assert.equal(version, world.version);
        for (const id of went) assert.ok(seen.delete(id));
        for (const id of came) assert.ok(!seen.has(id) && seen.add(id));
        told += came.length + went.length;
      }
      assert.deepEqual([...seen].toSorted(), ward.list(world, question).toSorted());
    }
  }
  assert.ok(told > 30, `${told}`);
});

/** The one change that there must be where the list is another than was seen; none where it is not. */
async function takenAtOnce(watch, list, seen) {
  const isAsBefore = list.length === seen.size && list.every((id) => seen.has(id));
  return isAsBefore ? [] : [(await watch.next()).value];
}
