// What is taken for a record: a plain object, read once and as a whole, or nothing at all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';

import { Changes, Ward, World, diagnose, span } from 'caseward';

import { NOW, attendance, refuses } from './support.js';

const nobody = {
  primaryContactAt: [], officeSupportAt: [], workflowLeadAt: [], caseManagerAt: [], attendanceLeadAt: [],
  attendanceOfficerAt: [], delegatedAuthoriserAt: [], delegatedAuthoriserFor: [], ministryTeams: [], monitors: [],
};
const entity = (type, id, attrs) => ({ uid: { type, id }, attrs, parents: [] });

/** A regional office may make a request for a student, whose contact, if one is named, has a login that is active. */
function requests() {
  const office = { type: 'MinistryTeam', id: 'regionalOffice' };
  return World.read(attendance(), [
    entity('School', 'k', { kind: 'state' }),
    entity('Student', 't', { nsn: '1', enrolledAt: { type: 'School', id: 'k' } }),
    entity('User', 'ro', { ...nobody, loginActive: true, ministryTeams: [office] }),
    entity('User', 'ended', { ...nobody, loginActive: false }),
  ]);
}

const RELEASE = "name = 'r'\nkind = 'anonymised'\n[[tables]]\nby = ['status']\n";

class Fields {
  constructor(fields) {
    Object.assign(this, fields);
  }
}

/** The same fields in everything that is no plain object, and looks as if it had none, or has what is not looked at. */
function kinds(fields) {
  const entries = Object.entries(fields);
  const [[first]] = entries;
  const form = new FormData();
  for (const [name] of entries) form.set(name, 'x');
  const map = new Map(entries);
  return {
    map,
    'a proxy of a map': new Proxy(map, {}),
    promise: Promise.resolve(fields),
    // biome-ignore lint/suspicious/noThenProperty: what is tried
    thenable: { __proto__: { then() {} }, ...fields },
    set: new Set(entries),
    weak: new WeakMap(),
    inherited: Object.create(fields),
    'inherited twice': Object.create(Object.create(Object.create(null, Object.getOwnPropertyDescriptors(fields)))),
    instance: new Fields(fields),
    accessors: new (class {
      get [first]() {
        return fields[first];
      }
    })(),
    'not enumerable': Object.defineProperty({}, first, { value: fields[first] }),
    symbol: { ...fields, [Symbol('also')]: 1 },
    form,
    headers: new Headers(entries.map(([name]) => [name, 'x'])),
    search: new URLSearchParams('a=b'),
    number: new Number(5),
    text: new String('x'),
    truth: new Boolean(true),
    regexp: /x/,
    error: new Error('x'),
    bytes: new Uint8Array(3),
    buffer: new ArrayBuffer(3),
    url: new URL('http://localhost/'),
    iterator: [fields].values(),
    arguments: (function () {
      // biome-ignore lint/complexity/noArguments: what is tried
      return arguments;
    })(fields),
  };
}

/** Places where a record stands, each with what is given there when all is well, and what its refusal calls it. */
function places() {
  const ward = attendance();
  const world = World.sample(ward, { cases: 20, seed: 1 });
  const PRINCIPAL = 'User::"u00001"';
  const [id] = world.ids('Student');
  const student = { type: 'Student', id };
  const action = 'createRequest';
  const request = { principal: PRINCIPAL, action, resource: student, now: NOW };
  const list = { principal: PRINCIPAL, action, type: 'Student', now: NOW };
  const pair = { principal: PRINCIPAL, resource: student, now: NOW };
  const who = { resource: student, action, type: 'User', now: NOW };
  const many = { principalType: 'User', principals: 'u00001', action, resourceType: 'Student', resources: [id] };
  const questions = {
    allows: [(q) => ward.allows(world, q), request],
    answer: [(q) => ward.answer(world, q), request],
    explain: [(q) => ward.explain(world, q), request],
    list: [(q) => ward.list(world, q), list],
    count: [(q) => ward.count(world, q), list],
    visible: [(q) => ward.visible(world, q), list],
    countBy: [(q) => ward.countBy(world, q), { ...list, by: [] }],
    filter: [(q) => ward.filter(world, q), { ...list, dialect: 'sqlite' }],
    actions: [(q) => ward.actions(world, q), pair],
    view: [(q) => ward.view(world, q), pair],
    who: [(q) => ward.who(world, q), who],
    whoWithReasons: [(q) => ward.whoWithReasons(world, q), who],
    checkMany: [(q) => ward.checkMany(world, q), many],
  };
  const found = Object.entries(questions).flatMap(([name, [ask, question]]) => [
    [`\`${name}\``, ask, question],
    ['the context', (context) => ask({ ...question, context }), { primaryContact: { type: 'User', id: 'u00001' } }],
  ]);
  const school = { type: 'School', id: 's1' };
  return [
    ...found,
    ['`alert`', (q) => ward.alert(world, q), { resource: 'Case::"c0000001"', type: 'User' }],
    ['`report`', (q) => ward.report(world, q), { principal: PRINCIPAL, kind: 'school', by: [] }],
    ['`release`', (q) => ward.release(world, q), { principal: PRINCIPAL, release: RELEASE }],
    ['`protect`', (protect) => ward.release(world, { principal: PRINCIPAL, release: RELEASE, protect }), { key: 'sixteen bytes at least' }],
    ['`protect`', (protect) => ward.countBy(world, { ...list, by: [], protect }), { below: 6 }],
    ['`tables`', (q) => ward.tables(q), { dialect: 'sqlite' }],
    ['`select`', (q) => ward.select('Case', q), { dialect: 'sqlite' }],
    ['`page`', (how) => ward.visible(world, list).page(undefined, how), { most: 1 }],
    ['`sample`', (sizes) => World.sample(ward, sizes), { cases: 1 }],
    ['what is loaded', (sources) => new Ward(sources), { policies: '' }],
    ['what is loaded', (sources) => diagnose(sources), { policies: '' }],
    ['`policies`', (policies) => new Ward({ policies }), { 'a.cedar': '@id("a") permit (principal, action, resource);' }],
    ['the attributes', (attributes) => new Changes().put(school, attributes), { kind: 'state' }],
    ['`put`', (more) => new Changes().put(school, {}, more), { parents: [] }],
    ['the tags', (tags) => new Changes().put(school, {}, { tags }), { a: 'b' }],
    ['`kind`', (value) => new Changes().set(school, 'kind', value), { a: 'b' }],
    ['tag `kind`', (value) => new Changes().setTag(school, 'kind', value), { a: 'b' }],
    ['`inner`', (inner) => new Changes().put(school, { inner }), { a: 'b' }],
    ['an element of `all`', (inner) => new Changes().put(school, { all: [inner] }), { a: 'b' }],
    ['an element of the list of entities', (one) => World.read(ward, [one]), entity('School', 's1', { kind: 'state' })],
    ['`attrs`', (attrs) => World.read(ward, [entity('School', 's1', attrs)]), { kind: 'state' }],
    ['the place', (place) => span('abc', place), { start: 0, end: 1 }],
  ];
}

test('whatever is no plain object is refused wherever a record stands, and the refusal names the place', () => {
  let refused = 0;
  for (const [place, ask, good] of places()) {
    assert.doesNotThrow(() => ask(good), place);
    // Of another realm, without a prototype, frozen, and behind a proxy that adds nothing.
    const others = vm.runInNewContext('(entries) => Object.fromEntries(entries)')(Object.entries(good));
    for (const same of [others, Object.assign(Object.create(null), good), Object.freeze({ ...good }), new Proxy({ ...good }, {})]) {
      assert.doesNotThrow(() => ask(same), place);
    }
    for (const [kind, given] of Object.entries(kinds(good))) {
      // A set stands for a set of values.
      if (kind === 'set' && /`kind`|`inner`|element|`attrs`/.test(place)) continue;
      assert.throws(
        () => ask(given),
        (error) => error instanceof TypeError && error.message.includes(place) && /plain object|is a symbol|not enumerable/.test(error.message),
        `${place}: ${kind}`,
      );
      refused += 1;
    }
    for (const [given, why] of [[null, /null/], [5, /number/], ['x', /string|must be/], [() => 1, /function/], [true, /boolean/]]) {
      if (/`kind`|`inner`|element|`attrs`/.test(place) || (place === '`policies`' && given === 'x')) continue;
      assert.throws(() => ask(given), (error) => error instanceof TypeError && why.test(error.message), `${place}: ${given}`);
    }
  }
  assert.ok(refused > 1_000, `${refused}`);
  refuses(() => new Changes().put('School::"s"', { all: [null] }), 'request', /an element of `all` is null/);
});

test('a forgotten `await` is said to be one', () => {
  const [ward, world] = [attendance(), World.empty(attendance())];
  const question = { principal: 'User::"u"', action: 'viewSummary', type: 'Case', now: NOW };
  const promise = Promise.resolve({});
  for (const ask of [
    () => ward.list(world, promise),
    () => ward.list(world, { ...question, context: promise }),
    () => ward.list(promise, question),
    () => ward.list(world, { ...question, principal: promise }),
    () => ward.list(world, { ...question, now: promise }),
    () => ward.list(world, { ...question, action: promise }),
    () => ward.countBy(world, { ...question, by: promise }),
    () => ward.countBy(world, { ...question, by: [], protect: promise }),
    () => World.sample(promise),
    () => World.read(ward, promise),
    () => World.fromBytes(ward, promise),
    () => world.numbers('Case', promise),
    () => world.apply(promise),
    () => new Ward({ policies: promise }),
    () => new Ward(promise),
    () => new Changes().put('School::"s"', { kind: promise }),
    () => new Changes().put('School::"s"', {}, { parents: promise }),
  ]) {
    assert.throws(ask, (error) => error instanceof TypeError && /a promise: await it/.test(error.message), `${ask}`);
  }
});

test('a field in a form that is not looked at never allows what it denies', () => {
  const [ward, world] = [attendance(), requests()];
  const question = { principal: 'User::"ro"', action: 'createRequest', now: NOW };
  const fields = { primaryContact: { type: 'User', id: 'ended' } };
  const ask = (context) => [
    ward.allows(world, { ...question, resource: 'Student::"t"', context }),
    ward.list(world, { ...question, type: 'Student', context }).length,
  ];
  assert.deepEqual([ask(undefined), ask({}), ask({ primaryContact: undefined })], [[true, 1], [true, 1], [true, 1]]);
  assert.deepEqual(ask(fields), [false, 0]);
  for (const [kind, context] of Object.entries(kinds(fields))) assert.throws(() => ask(context), TypeError, kind);
  // A getter is read once.
  let reads = 0;
  const getter = {
    get primaryContact() {
      reads += 1;
      return reads === 1 ? fields.primaryContact : undefined;
    },
  };
  assert.equal(ward.allows(world, { ...question, resource: 'Student::"t"', context: getter }), false);
  assert.equal(reads, 1);
});

test('the time is given once', () => {
  const [ward, world] = [attendance(), requests()];
  const exact = { __extn: { fn: 'datetime', arg: '2020-01-01T00:00:00.000Z' } };
  const ask = (asked) => ward.answer(world, { principal: 'User::"ro"', action: 'createRequest', resource: 'Student::"t"', ...asked });
  assert.equal(ask({ context: { now: exact } }).now.getUTCFullYear(), 2020);
  refuses(() => ask({ context: { now: exact }, now: NOW }), 'request', /`now` stands beside `context`, not in it/);
  const columns = { principals: ['ro'], resources: ['t'], principalType: 'User', resourceType: 'Student' };
  const many = (asked) => ward.checkMany(world, { ...columns, action: 'createRequest', ...asked });
  assert.equal(many({ context: { now: exact } }).now.getUTCFullYear(), 2020);
  refuses(() => many({ context: { now: exact }, now: NOW }), 'request', /`now` stands beside `context`, not in it/);
});

test('protection that is not understood is refused, and counts are never exact by mistake', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 300, seed: 7 });
  const question = { principal: 'User::"u00001"', action: 'viewSummary', type: 'Case', now: NOW, by: ['status'] };
  const key = '0123456789abcdef';
  const wrong = [
    {}, [], 5, true, 'x', null, undefined, new Map([['below', 6]]), Object.create({ below: 6 }),
    { below: undefined }, { key: undefined }, { below: 6, key }, { below: 6, key: undefined }, { below: undefined, key },
    { key: null }, { key: 7 }, { key: {} },
  ];
  for (const protect of wrong) {
    for (const ask of [
      () => ward.countBy(world, { ...question, protect }),
      () => ward.json.countBy(world, { ...question, protect }),
      () => ward.report(world, { principal: question.principal, kind: 'anonymised', by: ['status'], now: NOW, protect }),
    ]) {
      assert.throws(ask, (error) => error instanceof TypeError || error.kind === 'request', JSON.stringify(protect));
    }
  }
  for (const below of ['6', 6n, NaN, 1.5, -1, null, new Number(6)]) {
    refuses(() => ward.countBy(world, { ...question, protect: { below } }), 'request', /`below` must be a whole number/);
  }
  const released = { principal: question.principal, release: RELEASE, now: NOW };
  for (const protect of wrong) {
    if (protect?.key === key) continue;
    assert.throws(() => ward.release(world, { ...released, protect }), (error) => error instanceof TypeError || error.kind === 'request');
  }
  refuses(() => ward.countBy(world, { ...question, protect: { belw: 6 } }), 'request', /did you mean `below`/);
  assert.throws(() => ward.countBy(world, { ...question, protect: { below: 6, key } }), /one of both; leave it out/);
  assert.equal(ward.countBy(world, question).protected, null);
  for (const protect of [{ below: 6 }, { key }, { key: new TextEncoder().encode(key) }, { get below() { return 6; } }]) {
    assert.notEqual(ward.countBy(world, { ...question, protect }).protected, null);
  }
});

test('what is disposed of while a question is read is gone, and the engine goes on', () => {
  const ward = attendance();
  const other = World.sample(ward, { cases: 5 });
  const principal = 'User::"u00001"';
  const question = { principal, action: 'viewSummary', now: NOW };
  const list = { ...question, type: 'Case' };
  const many = { principalType: 'User', action: 'viewSummary', resourceType: 'Case', now: NOW };
  const trap = (of, target) => new Proxy(target, { ownKeys(it) { of.dispose(); return Reflect.ownKeys(it); } });
  const asked = {
    by: (w, v, of) => v.countBy(w, { ...list, by: (function* () { of.dispose(); yield 'status'; })() }),
    report: (w, v, of) => v.report(w, { principal, kind: 'school', by: (function* () { of.dispose(); yield 'status'; })() }),
    protect: (w, v, of) => v.countBy(w, { ...list, by: [], protect: { get below() { of.dispose(); return 6; } } }),
    context: (w, v, of) => v.list(w, { ...list, context: { get contact() { of.dispose(); return undefined; } } }),
    'a proxy': (w, v, of) => v.list(w, { ...list, context: trap(of, {}) }),
    'context of allows': (w, v, of) => v.allows(w, { ...question, resource: 'Case::"c0000001"', context: trap(of, {}) }),
    'a field': (w, v, of) => v.allows(w, { ...question, get resource() { of.dispose(); return 'Case::"c0000001"'; } }),
    'a name': (w, v, of) => v.allows(w, { ...question, resource: { type: 'Case', get id() { of.dispose(); return 'c0000001'; } } }),
    'a viewer': (w, v, of) => v.explain(w, { ...question, resource: 'Case::"c0000001"', viewer: { type: 'User', get id() { of.dispose(); return 'u00001'; } } }),
    'a date': (w, v, of) => v.view(w, { principal, resource: 'Case::"c0000001"', now: Object.assign(new Date(NOW), { getTime() { of.dispose(); return 0; } }) }),
    principals: (w, v, of) => v.checkMany(w, { ...many, resources: 'c0000001', principals: (function* () { of.dispose(); yield 'u00001'; })() }),
    resources: (w, v, of) => v.checkMany(w, { ...many, principals: 'u00001', resources: (function* () { of.dispose(); yield 'c0000001'; })() }),
    'a length': (w, v, of) => v.checkMany(w, {
      ...many, principals: 'u00001',
      resources: Object.defineProperty(new Uint32Array(1), 'length', { get() { of.dispose(); return 1; } }),
    }),
  };
  // Of the world alone, or of the ward alone.
  const numbers = (w) => w.numbers('Case', (function* () { w.dispose(); yield 'c0000001'; })());
  const sample = (v) => World.sample(v, { get cases() { v.dispose(); return 1; } });
  const tables = (v) => v.tables({ get dialect() { v.dispose(); return 'sqlite'; } });
  const read = (v) => World.read(v, [{ get uid() { v.dispose(); return { type: 'School', id: 's' }; }, attrs: {}, parents: [] }]);
  const has = (w) => w.has({ type: 'Case', get id() { w.dispose(); return 'c0000001'; } });
  const page = (v, w) => {
    const found = v.visible(w, list);
    return found.page(undefined, { get most() { found.dispose(); return 5; } });
  };
  const gone = (ask, name) => {
    assert.throws(ask, (error) => error.kind === 'gone' && /was disposed of/.test(error.message), name);
    assert.equal(other.count('Case'), 5, name);
  };
  for (const [name, ask] of Object.entries(asked)) {
    const world = World.sample(ward, { cases: 5 });
    gone(() => ask(world, ward, world), `${name}, the world`);
    const [mine, own] = [Ward.attendance(), World.sample(ward, { cases: 5 })];
    gone(() => ask(own, mine, mine), `${name}, the ward`);
  }
  for (const ask of [numbers, has]) gone(() => ask(World.sample(ward, { cases: 5 })), ask.name);
  for (const ask of [sample, tables, read]) gone(() => ask(Ward.attendance()), ask.name);
  gone(() => page(ward, other), 'page');
});

test('a thing of the engine behind a proxy says so', () => {
  const [ward, world] = [attendance(), World.sample(attendance(), { cases: 5 })];
  const request = { principal: 'User::"u00001"', action: 'viewSummary', resource: 'Case::"c0000001"', now: NOW };
  const behind = (thing) => new Proxy(thing, {});
  for (const [ask, what] of [
    [() => ward.allows(behind(world), request), 'world'],
    [() => ward.explain(behind(world), request), 'world'],
    [() => behind(world).count('Case'), 'world'],
    [() => behind(ward).allows(world, request), 'ward'],
    [() => behind(ward).list(world, { ...request, resource: undefined, type: 'Case' }), 'ward'],
    [() => behind(ward).policyHash, 'ward'],
    [() => World.sample(behind(ward)), 'ward'],
    [() => behind(ward.visible(world, { principal: request.principal, action: 'viewSummary', type: 'Case' })).size, 'set'],
  ]) {
    assert.throws(ask, (error) => error instanceof TypeError && error.message.startsWith(`the ${what} stands behind a proxy`), `${ask}`);
  }
  assert.throws(() => ward.allows(ward, request), /the world must be of the class World, and is of the class Ward/);
  assert.throws(() => World.sample(null), /the ward must be of the class Ward, and is null/);
});

test('a page has one record at least', () => {
  const ward = attendance();
  const world = World.sample(ward, { cases: 5 });
  const found = ward.visible(world, { principal: 'User::"u00001"', action: 'viewSummary', type: 'Case', now: NOW });
  refuses(() => found.page(undefined, { most: 0 }), 'request', /the length of a page must be a whole number from 1/);
});
