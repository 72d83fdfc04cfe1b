// What a user of the package meets: its classes, its values, its errors.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Changes, LIMITS, Visible, Ward, World, diagnose, format, init, span } from 'caseward';

import { NOW, ROOT, attendance, refuses } from './support.js';

const SCHEMA = `
  entity Kind enum ["one", "two"];
  entity User in [Team] = { name?: String, best?: User, seen?: datetime, score?: decimal, from?: ipaddr, wait?: duration };
  entity Team in [Team];
  entity Doc = { open: Bool, owner: User, kind: Kind, size?: Long, more?: { a: Long, b?: Set<String> } } tags String;
  action read appliesTo { principal: User, resource: Doc, context: { now: datetime, size?: Long, who?: User } };
  action touch appliesTo { principal: User, resource: Doc };
`;
const POLICIES = `
  @id("open") @rule("R1") permit (principal, action == Action::"read", resource) when { resource.open };
  @id("large") permit (principal, action == Action::"read", resource)
    when { context has size && resource has size && context.size == resource.size };
  @id("who") forbid (principal, action == Action::"read", resource) when { context has who && context.who == principal };
  @id("touch") permit (principal, action == Action::"touch", resource) when { resource.owner == principal };
`;

function small() {
  const ward = new Ward({ schema: SCHEMA, policies: POLICIES });
  const world = World.read(ward, [
    { uid: { type: 'User', id: 'u' }, attrs: {}, parents: [] },
    { uid: { type: 'User', id: 'o' }, attrs: {}, parents: [] },
    { uid: { type: 'Team', id: 't' }, attrs: {}, parents: [] },
    ...['a', 'b', 'c'].map((id) => ({
      uid: { type: 'Doc', id },
      attrs: { open: id === 'a', owner: { type: 'User', id: 'o' }, kind: { type: 'Kind', id: 'one' } },
      parents: [],
    })),
  ]);
  return { ward, world };
}

const U = 'User::"u"';

test('an answer says who decided, and what it was made from', () => {
  const { ward, world } = small();
  const request = { principal: U, action: 'read', resource: 'Doc::"a"', now: NOW };
  const answer = ward.answer(world, request);
  assert.deepEqual(
    [answer.allowed, answer.decision, answer.policies, answer.rules, answer.errors, answer.version],
    [true, 'allow', ['open'], ['R1'], [], 1],
  );
  assert.deepEqual(answer.now, NOW);
  assert.equal(answer.policyHash, ward.policyHash);
  assert.equal(JSON.parse(JSON.stringify(answer)).rules[0], 'R1');
  assert.equal(ward.allows(world, request), true);
  // By object as by text, and by the action's whole name.
  const other = { principal: { type: 'User', id: 'u' }, action: 'Action::"read"', resource: { type: 'Doc', id: 'b' } };
  assert.equal(ward.answer(world, { ...other, now: NOW }).decision, 'deny');
  // The clock's time, where none is given.
  const before = Date.now();
  const { now } = ward.answer(world, { ...request, now: undefined });
  assert.ok(now.getTime() >= before && now.getTime() <= Date.now());
  assert.equal(ward.answer(world, { principal: 'User::"o"', action: 'touch', resource: 'Doc::"a"' }).now, undefined);
});

test('an absent entity is denied, and said to be absent', () => {
  const { ward, world } = small();
  const ask = (principal, resource, context) =>
    ward.answer(world, { principal, action: 'read', resource, context, now: NOW });
  assert.deepEqual(ask('User::"x"', 'Doc::"a"').errors, ['User::"x" is not in the data']);
  assert.deepEqual(ask(U, 'Doc::"x"').errors, ['Doc::"x" is not in the data']);
  const named = ask(U, 'Doc::"a"', { who: { type: 'User', id: 'x' } });
  assert.deepEqual([named.allowed, named.errors], [false, ['User::"x" is not in the data']]);
  // Known once and removed since.
  assert.equal(ask('User::"u"', 'Doc::"a"').allowed, true);
  world.apply(new Changes().remove('User::"u"'));
  assert.deepEqual([ask(U, 'Doc::"a"').allowed, ask(U, 'Doc::"a"').errors], [false, ['User::"u" is not in the data']]);
  world.apply(new Changes().put(U));
  assert.equal(ask(U, 'Doc::"a"').allowed, true);
});

test('what makes no sense is refused with its kind', () => {
  const { ward, world } = small();
  const good = { principal: U, action: 'read', resource: 'Doc::"a"', now: NOW };
  const ask = (change) => () => ward.answer(world, { ...good, ...change });
  refuses(ask({ action: 'reed' }), 'request', /`reed`.*did you mean `read`/);
  refuses(ask({ principal: 'Doc::"a"' }), 'request', /takes no principal of type `Doc`/);
  refuses(ask({ principal: 'u' }), 'request', /`u` is not an entity's name/);
  refuses(ask({ context: { sise: 1 }, now: NOW }), 'request', /`sise` is not in the schema; did you mean `size`/);
  refuses(ask({ context: { now: 'yesterday' } }), 'request', /`now` stands beside `context`/);
  refuses(ask({ context: { now: 7 } }), 'request', /now/);
  refuses(ask({ now: new Date(NaN) }), 'request', /`now` is an invalid Date/);
  refuses(ask({ context: { now: NOW } }), 'request', /`now` stands beside `context`/);
  assert.throws(ask({ now: '2026-05-11T09:00:00Z' }), /`now` must be a Date/);
  refuses(ask({ context: { size: 1.5 }, now: NOW }), 'request', /1.5, and Cedar has whole numbers alone/);
  refuses(ask({ context: { size: 2 ** 53 }, now: NOW }), 'request', /give a bigint/);
  refuses(ask({ context: { size: 2n ** 63n }, now: NOW }), 'request', /more than 64 bits/);
  refuses(ask({ context: { size: null }, now: NOW }), 'request', /null/);
  refuses(ask({ action: 'touch', context: { now: 7 } }), 'request', /`now` is not in the schema/);
  refuses(ask({ principal: 'User::"\ud800"' }), 'request', /well-formed/);
  refuses(ask({ principal: { type: 'User', id: '\udfff' } }), 'request', /well-formed/);
  assert.throws(ask({ principal: undefined }), TypeError);
  assert.throws(ask({ principal: { type: 'User' } }), TypeError);
  assert.throws(ask({ action: 7 }), TypeError);
  assert.throws(ask({ context: [] }), TypeError);
  for (const none of [undefined, null, {}, ward]) {
    assert.throws(() => ward.answer(none, good), TypeError);
    assert.throws(() => ward.list(none, { principal: U, action: 'read', type: 'Doc' }), TypeError);
    assert.throws(() => ward.json.answer(none, good), TypeError);
  }
  const other = { principal: U, action: 'viewSummary' };
  refuses(() => attendance().list(world, { ...other, type: 'Case' }), 'schema', /another schema/);
  refuses(() => attendance().answer(world, { ...other, resource: 'Case::"a"' }), 'schema', /another schema/);
  refuses(() => ward.list(world, { principal: U, action: 'read', type: 'Dog', context: {} }), 'request', /Dog/);
  const many = { principalType: 'User', principals: ['u'], action: 'read', resourceType: 'Doc', resources: ['a', 'b'] };
  assert.deepEqual([...ward.checkMany(world, many).allowed], [1, 0]);
  refuses(() => ward.checkMany(world, { ...many, principals: ['u', 'u', 'o'] }), 'request', /3 principals, and 2 resources/);
  refuses(() => ward.checkMany(world, { ...many, action: 'reed' }), 'request', /did you mean/);
  refuses(() => ward.checkMany(world, { ...many, resourceType: 'Team' }), 'request', /takes no resource of type `Team`/);
  refuses(() => ward.checkMany(world, { ...many, context: { size: 'x' } }), 'request', /size/);
  assert.throws(() => ward.checkMany(world, { ...many, principals: [1] }), TypeError);
});

test('values come out as they went in', () => {
  const { ward, world } = small();
  const attributes = {
    name: 'Ū\0"\n',
    seen: new Date('0000-01-01T00:00:00.001Z'),
    score: '1.2500',
    from: '10.0.0.0/8',
    wait: '1h30m',
    best: { type: 'User', id: 'o' },
  };
  const size = 9_007_199_254_740_993n;
  world.apply(
    new Changes()
      .put(U, attributes, { parents: ['Team::"t"'] })
      .set('Doc::"a"', 'size', size)
      .set('Doc::"b"', 'size', -(2n ** 63n))
      .set('Doc::"c"', 'size', 2 ** 53 - 1)
      .set('Doc::"a"', 'more', { a: 1n, b: new Set(['x', 'y', 'x']) })
      .setTag('Doc::"a"', 'k', 'v')
      .setTag('Doc::"a"', 'gone', 'v')
      .unsetTag('Doc::"a"', 'gone'),
  );
  const { score, wait, from, ...rest } = world.attributes(U);
  assert.deepEqual(rest, { name: attributes.name, seen: attributes.seen, best: attributes.best });
  assert.deepEqual([Number(score), wait, from], [1.25, '5400000ms', '10.0.0.0/8']);
  // What came out goes in again.
  world.apply(new Changes().put(U, world.attributes(U)));
  assert.deepEqual(world.attributes(U).seen, attributes.seen);
  assert.deepEqual(world.attributes('Doc::"a"').more, { a: 1, b: ['x', 'y'] });
  assert.equal(world.attributes('Doc::"a"').size, size);
  assert.equal(world.attributes('Doc::"b"').size, -(2n ** 63n));
  assert.equal(world.attributes('Doc::"c"').size, 2 ** 53 - 1);
  assert.equal(world.attributes('Doc::"nothing"'), undefined);
  // Dates that Cedar has no text for, and instants that no Date holds.
  for (const ms of [8.64e15, -8.64e15, -62_167_219_200_001, 253_402_300_800_000]) {
    world.apply(new Changes().set(U, 'seen', new Date(ms)));
    assert.equal(world.attributes(U).seen.getTime(), ms);
    const at = new Date(ms);
    const { now, allowed } = ward.answer(world, { principal: U, action: 'read', resource: 'Doc::"a"', now: at });
    assert.deepEqual([now, allowed], [undefined, true]);
  }
  const latest = ['1970-01-01', `${2n ** 63n - 1n}ms`];
  const call = ([from, by]) => ({
    __extn: { fn: 'offset', args: [{ __extn: { fn: 'datetime', arg: from } }, { __extn: { fn: 'duration', arg: by } }] },
  });
  world.apply(new Changes().set(U, 'seen', call(latest)));
  const { seen } = world.attributes(U);
  assert.equal(seen.__extn.args[1].__extn.arg, latest[1]);
  world.apply(new Changes().set(U, 'seen', seen));
  assert.deepEqual(world.attributes(U).seen, seen);
  // A bigint in a context is exact.
  const ask = (size) =>
    ward.allows(world, { principal: U, action: 'read', resource: 'Doc::"b"', context: { size }, now: NOW });
  assert.deepEqual([ask(-(2n ** 63n)), ask(-(2n ** 63n) + 1n)], [true, false]);
});

test('changes are applied as a whole, and looked through', () => {
  const { ward, world } = small();
  const list = (of) => ward.list(of, { principal: U, action: 'read', type: 'Doc' });
  assert.deepEqual(list(world), ['a']);
  const answer = ward.answer(world, { principal: U, action: 'read', resource: 'Doc::"a"' });
  const through = world.with(new Changes().set('Doc::"b"', 'open', true));
  assert.deepEqual([list(through), list(world), world.version], [['a', 'b'], ['a'], 1]);
  const b = { principal: U, action: 'read', resource: 'Doc::"b"' };
  assert.deepEqual([ward.answer(through, b).policies, ward.answer(world, b).policies], [['open'], []]);
  assert.equal(world.apply(new Changes().set('Doc::"c"', 'open', true).set('Doc::"a"', 'open', false)), 2);
  assert.deepEqual([list(world), world.version], [['c'], 2]);
  refuses(() => answer.policies, 'gone', /the data has changed since version 1/);
  const half = new Changes().set('Doc::"a"', 'open', true).set('Doc::"z"', 'open', true).set('Doc::"a"', 'oppen', true);
  refuses(() => world.apply(half), 'data', /oppen/);
  const refused = (changes, message) => refuses(() => world.apply(changes), 'data', message);
  refused(new Changes().remove('User::"o"'), /User::"o"/);
  refused(new Changes().put('Doc::"d"', {}), /`open`/);
  refused(new Changes().set(U, 'name', 7), /expected String, found 7/);
  assert.deepEqual([list(world), world.version], [['c'], 2]);
  refuses(() => through.apply(new Changes()), 'request', /cannot be changed itself/);
  assert.throws(() => world.apply([]), TypeError);
});

test('a snapshot opens as the same world', () => {
  const { ward, world } = small();
  world.apply(new Changes().set('Doc::"b"', 'open', true));
  const bytes = world.toBytes();
  const opened = World.fromBytes(ward, bytes);
  assert.deepEqual([opened.version, opened.size, opened.ids('Doc')], [2, 6, ['a', 'b', 'c']]);
  assert.deepEqual(opened.toBytes(), bytes);
  const found = ward.visible(world, { principal: U, action: 'read', type: 'Doc' });
  const first = found.page(undefined, { most: 1 });
  const again = ward.visible(opened, { principal: U, action: 'read', type: 'Doc' });
  assert.deepEqual(again.page(first.next, { most: 1 }), { ids: ['b'], next: undefined });
  bytes[bytes.length >> 1] ^= 1;
  refuses(() => World.fromBytes(ward, bytes), 'snapshot', /./);
  refuses(() => World.fromBytes(ward, new Uint8Array(3)), 'snapshot', /./);
  refuses(() => World.fromBytes(attendance(), world.toBytes()), 'schema', /./);
  assert.equal(World.read(ward, world.toEntities()).size, 6);
});

test('epochs differ between worlds, so that a cursor of one is refused by another', () => {
  const { ward, world } = small();
  const question = { principal: U, action: 'read', type: 'Doc' };
  world.apply(new Changes().set('Doc::"b"', 'open', true));
  const { next } = ward.visible(world, question).page(undefined, { most: 1 });
  assert.match(next, /^[0-9a-f]{40}$/);
  const other = ward.visible(small().world, question);
  refuses(() => other.page(next, { most: 1 }), 'request', /of another world/);
  refuses(() => other.page('x', { most: 1 }), 'request', /not a cursor/);
  refuses(() => other.page(undefined, { most: -1 }), 'request', /length of a page/);
});

test('a set says what a list says', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 300, seed: 3 });
  let [people, records] = [0, 0];
  for (const id of world.ids('User').slice(0, 120)) {
    const question = { principal: { type: 'User', id }, action: 'viewSummary', type: 'Case', now: NOW };
    const ids = ward.list(world, question);
    const found = ward.visible(world, question);
    assert.ok(found instanceof Visible);
    assert.deepEqual([found.size, found.ids(), ward.count(world, question)], [ids.length, ids, ids.length]);
    assert.deepEqual(found.now, NOW);
    assert.deepEqual([...world.numbers('Case', ids)], [...found.numbers()]);
    const pages = [];
    for (let cursor, n = 0; n === 0 || cursor !== undefined; n += 1) {
      const page = found.page(cursor, { most: 7 });
      pages.push(...page.ids);
      cursor = page.next;
    }
    assert.deepEqual(pages, ids);
    const all = world.ids('Case');
    const many = ward.checkMany(world, {
      principalType: 'User',
      principals: id,
      action: 'viewSummary',
      resourceType: 'Case',
      resources: all,
      now: NOW,
    });
    assert.deepEqual(all.filter((_, at) => many.allowed[at] === 1), ids);
    assert.deepEqual(all.filter((one) => found.has(one)), ids);
    found.dispose();
    people += ids.length > 0 ? 1 : 0;
    records += ids.length;
  }
  assert.ok(people > 20 && records > 500, `${people} people see ${records} cases`);
});

test('ids are any text', () => {
  const { ward, world } = small();
  const odd = ['', '\n', 'a\nb', '"', '\\', '\0', '𝄞', '[', ' '];
  const changes = new Changes();
  const attributes = { open: true, owner: U, kind: 'Kind::"two"' };
  attributes.owner = { type: 'User', id: 'o' };
  attributes.kind = { type: 'Kind', id: 'two' };
  for (const id of odd) changes.put({ type: 'Doc', id }, attributes);
  world.apply(changes);
  const expected = ['a', ...odd];
  const question = { principal: U, action: 'read', type: 'Doc' };
  assert.deepEqual(ward.list(world, question), expected);
  assert.deepEqual(ward.list(world, question), expected);
  assert.deepEqual(world.ids('Doc'), ['a', 'b', 'c', ...odd]);
  const numbers = world.numbers('Doc', odd);
  assert.ok(numbers.every((number) => number !== 0));
  assert.deepEqual([...world.numbers('Doc', [])], []);
  assert.deepEqual([...world.numbers('Doc', ['nothing', ''])].map(Boolean), [false, true]);
  for (const id of odd) {
    assert.ok(ward.allows(world, { principal: U, action: 'read', resource: { type: 'Doc', id } }), JSON.stringify(id));
  }
});

test('what was disposed of says so', () => {
  const { ward, world } = small();
  const question = { principal: U, action: 'read', type: 'Doc' };
  const request = { principal: U, action: 'read', resource: 'Doc::"a"' };
  ward.answer(world, request);
  const found = ward.visible(world, question);
  found.dispose();
  refuses(() => found.size, 'gone', /the set was disposed of/);
  const other = World.fromBytes(ward, world.toBytes());
  assert.equal(ward.answer(other, request).allowed, true);
  world.dispose();
  world.dispose();
  refuses(() => ward.answer(world, request), 'gone', /the world was disposed of/);
  refuses(() => world.size, 'gone', /the world was disposed of/);
  assert.equal(ward.answer(other, request).allowed, true);
  ward.dispose();
  refuses(() => ward.answer(other, request), 'gone', /the ward was disposed of/);
  assert.equal(other.size, 6);
  if (Symbol.dispose !== undefined) other[Symbol.dispose]();
});

test('problems of policies come with their places', () => {
  const policies = '// Ā\n@id("a") permit (principal, action, resource) when { resource.opn };';
  const [problem, ...others] = diagnose({ schema: SCHEMA, policies });
  assert.ok(problem !== undefined, 'refused');
  const place = span(policies, problem.span);
  assert.match(policies.slice(place.start, place.end), /opn/);
  assert.deepEqual([problem.severity, problem.source], ['error', 'policies']);
  assert.ok(Array.isArray(others));
  assert.deepEqual(diagnose(Ward.attendanceSources()), []);
  assert.equal(new Ward(Ward.attendanceSources()).policyHash, attendance().policyHash);
  refuses(() => new Ward({ schema: SCHEMA, policies }), 'policies', /opn/);
  refuses(() => new Ward({ policies: { 'a/b.cedar': '@id("b") permit (principal, action, resource);' } }), 'policies', /a\.b/);
  try {
    new Ward({ schema: 'entity', policies });
  } catch (error) {
    assert.ok(error.problems.length > 0 && error.problems[0].source === 'schema.cedarschema');
  }
  assert.equal(
    format('// why\n@id("a")permit(principal,action,resource);'),
    '// why\n@id("a")\npermit (principal, action, resource);\n',
  );
  refuses(() => format('permit'), 'policies', /policies/);
});

test('policies, their texts and the matrix', async () => {
  const { readFile } = await import('node:fs/promises');
  const ward = attendance();
  assert.ok(ward.policies().length > 90);
  const policy = ward.policies().find(({ id }) => id === 'school.S1');
  assert.deepEqual([policy.rule, policy.effect], ['S1', 'permit']);
  assert.equal(ward.source('school.S1'), await readFile(new URL('policies/school/S1.cedar', ROOT), 'utf8'));
  assert.equal(ward.source('nothing'), undefined);
  assert.deepEqual(ward.warnings(), []);
  assert.equal(ward.matrixText(), await readFile(new URL('policies/matrix.out', ROOT), 'utf8'));
  assert.ok(ward.matrix().blocks.length > 10);
});

test('reasons, actions and explanations', () => {
  const { ward, world } = small();
  const request = { principal: U, action: 'read', resource: 'Doc::"b"', now: NOW };
  const { answer, nearest } = ward.explain(world, request);
  assert.equal(answer.allowed, false);
  assert.deepEqual(nearest.map(({ policy }) => policy.id).toSorted(), ['large', 'open']);
  const failed = nearest.find(({ policy }) => policy.id === 'open').conditions[0];
  assert.deepEqual([failed.holds, failed.text], [false, 'resource.open']);
  const actions = ward.actions(world, { principal: 'User::"o"', resource: 'Doc::"b"', now: NOW });
  assert.deepEqual(actions.map(({ action, answer }) => [action, answer.allowed]), [['read', false], ['touch', true]]);
});

test('what a person sees, who may see it, and who is told', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 40, seed: 3 });
  const now = NOW;
  const users = world.ids('User');
  const [dates, seen] = [[], []];
  for (const id of world.ids('Case').slice(0, 12)) {
    const resource = { type: 'Case', id };
    const question = { resource, action: 'viewSummary', type: 'User', now };
    const who = ward.who(world, question);
    const may = users.filter((id) => ward.allows(world, { principal: { type: 'User', id }, action: 'viewSummary', resource, now }));
    assert.deepEqual(who, may);
    const grants = ward.whoWithReasons(world, question);
    assert.deepEqual(grants.map(({ principal }) => principal), who.map((id) => `User::"${id}"`));
    assert.ok(grants.every(({ policies }) => policies.length > 0));
    const told = ward.alert(world, { resource, type: 'User', now: NOW });
    assert.ok(told.every((id) => who.includes(id)));
    for (const id of who.slice(0, 3)) {
      const view = ward.view(world, { principal: { type: 'User', id }, resource, now });
      assert.deepEqual([view.now, view.version, view.policyHash], [NOW, 1, ward.policyHash]);
      const fields = view.sections.flatMap(({ fields }) => fields);
      dates.push(...fields.filter(({ value }) => value instanceof Date));
      seen.push(...fields);
    }
  }
  assert.ok(seen.length > 50 && dates.length > 10, `${seen.length} fields, ${dates.length} dates`);
  // Who may not know of it sees what they see of one that is not there.
  const nobody = users.find((id) => !ward.allows(world, { principal: { type: 'User', id }, action: 'viewSummary', resource: 'Case::"c0000001"', now }));
  const look = (resource) => ({ ...ward.view(world, { principal: { type: 'User', id: nobody }, resource, now }), resource: '' });
  assert.deepEqual(look('Case::"c0000001"'), look('Case::"nothing"'));
  const team = 'MinistryTeam::"centralInvestigation"';
  refuses(() => ward.view(world, { principal: U, resource: team, now }), 'request', /the catalogue shows nothing/);
  refuses(() => small().ward.view(small().world, { principal: U, resource: 'Doc::"a"', now }), 'request', /catalogue/);
  refuses(() => ward.alert(world, { resource: 'Case::"c0000001"', type: 'User', now: new Date(NaN) }), 'request', /invalid Date/);
});

test('an explanation for a viewer withholds what they may not see', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 40, seed: 3 });
  const now = NOW;
  let withheld = 0;
  for (const id of world.ids('User').slice(0, 60)) {
    const principal = { type: 'User', id };
    const request = { principal, action: 'viewRecord', resource: 'Case::"c0000001"', now };
    const whole = ward.explain(world, request);
    const shown = ward.explain(world, { ...request, viewer: principal });
    assert.equal(whole.withheld, false);
    assert.ok(['found', 'kept', 'none_found', 'gave_up', 'not_sought'].includes(whole.turn.outcome));
    // Who sees nothing of a record is answered as if it were not there.
    withheld += shown.withheld || whole.nearest.length > shown.nearest.length ? 1 : 0;
  }
  assert.ok(withheld > 10, `${withheld}`);
  // Of others' requests they are told nothing, unless they may see who may do what.
  const [one, other] = world.ids('User').map((id) => ({ type: 'User', id }));
  for (const resource of ['Case::"c0000001"', 'Case::"nothing"']) {
    const request = { principal: one, action: 'viewRecord', resource, now, viewer: other };
    refuses(() => ward.explain(world, request), 'request', /of somebody else is told only to .* `unlocks`/);
  }
});

test('a type without an entry in the catalogue is known to nobody', () => {
  const ward = new Ward({
    schema: `entity User; entity Doc; entity Referral = { open: Bool };
      action read appliesTo { principal: User, resource: [Doc, Referral] };
      action link appliesTo { principal: User, resource: Doc, context: { to: Referral } };`,
    policies: '@id("all") permit (principal, action, resource) unless { resource is Referral && resource.open };',
    catalogue: '[Doc]\nknown_by = ["read"]\n[User]\npublic = []\n',
  });
  const entity = (type, id, attrs = {}) => ({ uid: { type, id }, attrs, parents: [] });
  const world = World.read(ward, [
    entity('User', 'u'), entity('Doc', 'd'),
    entity('Referral', 'r1', { open: true }), entity('Referral', 'r2', { open: false }),
  ]);
  const principal = 'User::"u"';
  const told = (id) => {
    const referral = { type: 'Referral', id };
    const asked = [
      { principal, action: 'read', resource: referral, viewer: principal },
      { principal, action: 'link', resource: 'Doc::"d"', context: { to: referral }, viewer: principal },
    ];
    const forms = asked.map((request) => ward.json.explain(world, request));
    forms.push(JSON.stringify(ward.view(world, { principal, resource: 'Doc::"d"', context: { to: referral } })));
    refuses(() => ward.view(world, { principal, resource: referral }), 'request', /shows nothing of a `Referral`/);
    return forms.join('\n').replaceAll(id, 'r1');
  };
  assert.equal(told('r1'), told('r9'));
  assert.equal(told('r2'), told('r9'));
});

test('counts by group', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 300, seed: 3 });
  const now = NOW;
  const question = { principal: 'User::"u00001"', action: 'viewSummary', type: 'Case', now };
  const all = ward.count(world, question);
  const by = ['status', 'month of openedAt'];
  const table = ward.countBy(world, { ...question, by });
  assert.deepEqual([table.of, table.by, table.protected, table.now, table.version], ['Case', by, null, NOW, 1]);
  assert.deepEqual(table.totals.at(-1), { key: {}, count: all, percent: 100 });
  assert.equal(table.cells.reduce((sum, { count }) => sum + count, 0), all);
  assert.match(table.cells[0].key['month of openedAt'], /^\d{4}-\d\d$/);
  assert.ok(table.toCsv().startsWith('groups,status,month of openedAt,'), table.toCsv().slice(0, 80));
  assert.match(`${table}`, /status/);
  table.dispose();
  refuses(() => table.toCsv(), 'gone', /the table was disposed of/);
  assert.equal(table.cells.length > 5, true);
  const told = ward.countBy(world, { ...question, by, protect: { below: 6 } });
  assert.ok(told.cells.every(({ count }) => count === null || count >= 6));
  assert.deepEqual(told.protected, { method: 'suppression', below: 6 });
  const rounded = ward.countBy(world, { ...question, by, protect: { key: 'sixteen bytes at least' } });
  assert.ok(rounded.cells.every(({ count }) => count % 3 === 0));
  for (const [how, why] of [
    [{ by: ['stat'] }, /stat/],
    [{ by, zone: 'Pacific/Auckland' }, /time zone/],
    [{ by, protect: { key: 'short' } }, /key/],
    [{ by, protect: { below: 1.5 } }, /below/],
    [{ by, protect: { below: 2 } }, /below/],
    [{ by: ['week of openedAt'] }, /`week` is no period/],
  ]) {
    refuses(() => ward.countBy(world, { ...question, ...how }), 'request', why);
  }
  const kinds = ['caseload', 'school', 'provider', 'national', 'performance', 'anonymised', 'prosecutions'];
  const reports = world.ids('User').flatMap((id) =>
    kinds.map((kind) => {
      try {
        return ward.report(world, { principal: { type: 'User', id }, kind, by: ['status'], now: NOW });
      } catch (error) {
        // Some may see several of a kind, and say which.
        assert.match(error.message, /name one of/);
        return undefined;
      }
    }),
  );
  const had = reports.filter((report) => report !== undefined);
  assert.ok(had.length > 20 && had.length < reports.length / 2, `${had.length} of ${reports.length}`);
  refuses(() => ward.report(world, { principal: U, kind: 'weather', by: [] }), 'request', /weather/);
});

test('tables that are published together are protected as one', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 300, seed: 7 });
  const release = "name = 'r'\nkind = 'anonymised'\n[[tables]]\nby = ['status']\n[[tables]]\nname = 'q'\nby = ['quarter of openedAt']\n";
  const asked = (id, more = {}) => ward.release(world, { principal: { type: 'User', id }, release, now: NOW, ...more });
  const tables = world.ids('User').map((id) => asked(id)).filter((found) => found !== undefined);
  assert.ok(tables.length > 0 && tables.length < world.ids('User').length / 2, `${tables.length} may`);
  for (const [first, second] of tables) {
    assert.deepEqual(first.release, { release: 'r', table: 'by status', with: ['q'] });
    assert.deepEqual([second.release.table, second.release.with], ['q', ['by status']]);
    assert.deepEqual(first.protected, { method: 'suppression', below: 6 });
    for (const { count } of [...first.cells, ...second.cells]) assert.ok(count === null || count >= 6, `${count}`);
  }
  const who = world.ids('User').find((id) => asked(id) !== undefined);
  const [rounded] = asked(who, { protect: { key: 'sixteen bytes at least' } });
  assert.equal(rounded.protected.method, 'rounding');
  assert.ok(rounded.cells.every(({ count }) => count % rounded.protected.base === 0));
  for (const [more, why] of [
    [{ release: "nme = 'r'" }, /line 1/],
    [{ release: release.replace('anonymised', 'school') }, /no release/],
    [{ protect: { key: 'short' } }, /key/],
    [{ protect: { below: 6 } }, /`protect` takes no `below`/],
    [{ release: `below = 10\n${release}`, protect: { key: 'sixteen bytes at least' } }, /one of both/],
  ]) {
    refuses(() => asked(who, more), 'request', why);
  }
  assert.throws(() => asked(who, { release: undefined }), TypeError);
});

test('a condition for a query of one\'s own', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 40, seed: 3 });
  const question = { action: 'viewSummary', type: 'Case', now: NOW };
  const lead = world.ids('User').find((id) => world.attributes({ type: 'User', id }).attendanceLeadAt.length > 0);
  for (const dialect of ['postgres', 'sqlite', 'duckdb', 'spark']) {
    const filter = ward.filter(world, { ...question, principal: { type: 'User', id: lead }, dialect });
    assert.deepEqual([filter.dialect, filter.version, filter.policyHash], [dialect, 1, ward.policyHash]);
    assert.ok(filter.validFrom instanceof Date && filter.validFrom <= NOW && filter.validUntil === undefined);
    assert.match(filter.sql, /enrolled_at/);
    assert.ok(filter.params.length > 0 && !filter.sql.includes('s00'), 'values are parameters');
    const asked = { ...question, principal: { type: 'User', id: lead }, dialect, alias: 'c' };
    const third = ward.filter(world, { ...asked, firstParameter: 3, parameterStyle: ':p1' });
    assert.deepEqual([third.signs[0], third.params.length], [':p3', filter.params.length]);
    assert.ok(third.sql.includes(':p3') && !/:p1\b|["`]case["`]\./.test(third.sql), third.sql);
    const unnumbered = ward.filter(world, { ...asked, parameterStyle: '?' });
    assert.equal(unnumbered.sql.split('?').length - 1, unnumbered.params.length, unnumbered.sql);
    refuses(() => ward.filter(world, { ...asked, firstParameter: 2, parameterStyle: '?' }), 'request', /no numbers/);
    refuses(() => ward.filter(world, { ...asked, parameterStyle: '@' }), 'request', /no style of parameters `@`/);
    const nobody = ward.filter(world, { ...question, principal: 'User::"nobody"', dialect });
    assert.deepEqual([nobody.sql, nobody.params], ['FALSE', []]);
    assert.ok(ward.tables({ dialect }).some((statement) => /^CREATE TABLE .case. /.test(statement)));
    assert.match(ward.select('Case', { dialect }), /^SELECT .case.\..id. FROM .case.$/);
  }
  const named = { dialect: 'sqlite', mapping: "[types.Case]\ntable = 'referrals'" };
  assert.equal(ward.select('Case', named), 'SELECT "referrals"."id" FROM "referrals"');
  const principal = { type: 'User', id: lead };
  refuses(() => ward.filter(world, { ...question, principal, dialect: 'oracle' }), 'request', /no dialect `oracle`/);
  refuses(() => ward.filter(world, { ...question, principal, ...named, mapping: '[types.Cases]' }), 'mapping', /Cases/);
  refuses(() => ward.tables({ dialect: 'sqlite', mapping: 'a = [' }), 'mapping', /./);
  refuses(() => ward.select('Nothing', named), 'request', /Nothing/);
  refuses(() => ward.filter(world, { ...question, type: 'User', principal, dialect: 'spark' }), 'request', /User/);
});

test('limits are said before anything is parsed', () => {
  const { ward, world } = small();
  const long = 'x'.repeat(LIMITS.name + 1);
  refuses(() => ward.answer(world, { principal: { type: 'User', id: long }, action: 'read', resource: U }), 'request', /1048577 characters/);
  refuses(() => new Ward({ schema: SCHEMA, policies: ' '.repeat(LIMITS.sources + 1) }), 'policies', /more than/);
  refuses(() => World.sample(ward, { cases: LIMITS.cases + 1 }), 'request', /`cases` must be a whole number/);
  refuses(() => World.sample(attendance(), { seed: -1 }), 'request', /`seed`/);
  refuses(() => World.sample(ward, { cases: 1 }), 'policies', /./);
  let deep = 1;
  for (let n = 0; n < 100_000; n += 1) deep = [deep];
  refuses(() => new Changes().set(U, 'name', deep), 'request', /nested more than 64 deep/);
  const circle = {};
  circle.circle = circle;
  refuses(() => ward.list(world, { principal: U, action: 'read', type: 'Doc', context: circle }), 'request', /nested/);
});

test('loading again changes nothing', async () => {
  const { ward } = small();
  await init();
  assert.ok(ward.policies().length === 4);
});
