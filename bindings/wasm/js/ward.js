// Policies, and the questions that they answer.

import { Answer } from './answer.js';
import { Held, call } from './engine.js';
import { CasewardError, refuse } from './errors.js';
import { only } from './keys.js';
import { Road } from './road.js';
import { Table } from './table.js';
import { LIMITS, bytes, decode, encodeRecord, join, moment, parse, refuseNow, shown, text, uid, whole } from './values.js';
import { Visible } from './visible.js';
import { FIND, HELD, IDS, ROADS, known, numbersOf } from './world.js';

const ATTENDANCE = Symbol('attendance');

/** A schema and its policies, parsed and validated once. */
export class Ward {
  #held;
  #hash;
  /** By world, by action, by the two types: what decides often. A world that goes takes its roads along. */
  #roads = new WeakMap();
  #all = new Set();
  /** The last road taken, and where it leads. */
  #last = {};
  #json;

  /** Loads and validates policies, with the schema of attendance case management where none is given. */
  constructor(sources) {
    const json = sources === ATTENDANCE ? undefined : sourcesJson(sources);
    const make = (raw) => (json === undefined ? raw.Ward.attendance() : new raw.Ward(json));
    this.#held = new Held(call(make), 'ward');
    this.#hash = call(() => this.#held.raw.policy_hash());
  }

  /** The rules of attendance case management, which come with this package. */
  static attendance() {
    return new Ward(ATTENDANCE);
  }

  /** The text of those rules: `{schema, policies, catalogue}`, the policies by the names of their files. */
  static attendanceSources() {
    const { schema, policies, catalogue } = JSON.parse(call((raw) => raw.Ward.attendance_sources()));
    const texts = policies.map(({ name, text }) => [name, text]);
    return { schema: schema.text, policies: Object.fromEntries(texts), catalogue: catalogue.text };
  }

  /** @private */
  get [HELD]() {
    return this.#held;
  }

  /** SHA-256 of schema and policies, as 64 hexadecimal digits. */
  get policyHash() {
    return this.#hash;
  }

  /** Every policy, in the order of their ids. */
  policies() {
    const of = this.#held.raw;
    return parse(call(() => of.policies()));
  }

  /** The text that a policy was read from; undefined where there is no such policy. */
  source(id) {
    const of = this.#held.raw;
    text(id, 'the id');
    return call(() => of.source(id));
  }

  /** What validation finds worth a look. */
  warnings() {
    const of = this.#held.raw;
    return parse(call(() => of.warnings()));
  }

  /** May this person do this to that record? True or false. */
  allows(world, request) {
    return this.answer(world, request).allowed;
  }

  /** As `allows`, with who decided and what it was made from: an object, of which `allowed` is to be asked. */
  answer(world, request) {
    only(request, REQUEST, '`answer`');
    const { principal, action, resource, context, now } = request;
    refuseNow(context);
    const who = known(world)[FIND](principal);
    const what = world[FIND](resource);
    // Whatever is not plain is asked in full: who or what is absent, and what makes no sense.
    if (who !== undefined && what !== undefined) {
      const road = this.#road(world, who.type, action, what.type);
      const found = road?.decide(who.number, what.number, context, now);
      if (found !== undefined) {
        const { json, now: at } = road;
        const rest = (version) => this.#reasons(world, who, action, what, json, at, version);
        return new Answer(found % 2 === 1, Math.floor(found / 2), this.#hash, at, rest);
      }
    }
    return Answer.of(parse(this.#checkText(world, request)));
  }

  /** What `allows` and `answer` were. An answer is an object, and `if (ward.check(…))` was true for everybody. */
  check() {
    throw refuse('`check` is now `allows`, which is true or false, or `answer`, of which `allowed` is to be asked');
  }

  /** May each of these people do this to each of those records? Pair by pair, on one version of the data. */
  checkMany(world, question) {
    only(question, MANY, '`checkMany`');
    const { principalType, principals, action, resourceType, resources, context, now } = question;
    known(world);
    refuseNow(context);
    text(principalType, 'the principal type');
    text(resourceType, 'the resource type');
    const who = numbersOf(world, principalType, principals);
    const what = numbersOf(world, resourceType, resources);
    const road = this.#road(world, principalType, action, resourceType);
    const allowed = road?.decideMany(who, what, context, now);
    if (allowed === undefined) {
      // What makes no sense of one pair makes none of any: the first says why.
      const first = { principal: { type: principalType, id: '' }, resource: { type: resourceType, id: '' } };
      this.#checkText(world, { ...first, action, context, now });
      throw refuse(`nothing decides on \`${action}\` for these types`);
    }
    return { allowed, policyHash: this.#hash, version: world.version, now: shown(road.now) };
  }

  /** The ids of the records of a type to which this person may do this, in the world's order. */
  list(world, question) {
    const found = this.#visible(world, question);
    try {
      return world[IDS](question.type, found);
    } finally {
      found.free();
    }
  }

  /** How many records `list` gives. */
  count(world, question) {
    const found = this.#visible(world, question);
    try {
      return call(() => found.size());
    } finally {
      found.free();
    }
  }

  /** What `list` gives as a set, for pages and membership. */
  visible(world, question) {
    return new Visible(this.#visible(world, question), question.type);
  }

  /** What may this person do to that record? Each action with its answer, or with what its context still needs. */
  actions(world, question) {
    const found = decode(parse(this.#actionsText(world, question)));
    return found.map(({ answer: given, ...rest }) => {
      const answer = given === null ? undefined : Answer.of(given);
      return { ...rest, answer, allowed: answer?.allowed === true };
    });
  }

  /** Why, or why not, and what would turn it? For those who may know everything, or as `viewer` may see it. */
  explain(world, request) {
    const { answer, ...rest } = decode(parse(this.#explainText(world, request)));
    return { answer: Answer.of(answer), ...rest };
  }

  /** What may this person see of that record, and do next? This is what may reach the person. */
  view(world, question) {
    const { policy_hash: policyHash, now, ...rest } = decode(parse(this.#viewText(world, question)));
    return { ...rest, policyHash, now: now === null ? undefined : new Date(now) };
  }

  /** The ids of those of a type who may do this to that record, in the world's order. */
  who(world, question) {
    const found = this.#who(world, question, 'who');
    try {
      return world[IDS](question.type, found);
    } finally {
      found.free();
    }
  }

  /** As `who`, each with the policies that permit it. */
  whoWithReasons(world, question) {
    return parse(this.#who(world, question, 'who_with_reasons'));
  }

  /** The ids of those who are told of what happens to a record, or to an entry of it. */
  alert(world, question) {
    only(question, ALERT, '`alert`');
    const { resource, entry, type, now } = question;
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const what = uid(resource, 'the resource');
    const part = entry === undefined ? {} : uid(entry, 'the entry');
    text(type, 'the type');
    const at = moment(now);
    const found = call(() => of.alert(it, what.type, what.id, part.type, part.id, type, at));
    try {
      return world[IDS](type, found);
    } finally {
      found.free();
    }
  }

  /** How many records this person may do this to, by group. */
  countBy(world, question) {
    return new Table(this.#countBy(world, question));
  }

  /** A report of attendance case management; undefined where this person may not have it, or it is not there. */
  report(world, question) {
    only(question, REPORT, '`report`');
    const { principal, kind = '', report, now, ...how } = question;
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const who = uid(principal, 'the principal');
    text(kind, 'the kind');
    const which = report === undefined ? {} : uid(report, 'the report');
    const [at, grouped] = [moment(now), grouping(how)];
    const found = call(() => of.report(it, who.type, who.id, kind, which.type, which.id, at, ...grouped));
    return found === undefined ? undefined : new Table(found);
  }

  /** The tables of a release, protected as one; undefined where this person may not have such a report. */
  release(world, question) {
    only(question, RELEASE, '`release`');
    const { principal, release, report, now, protect = {} } = question;
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const who = uid(principal, 'the principal');
    text(release, 'the release', LIMITS.sources);
    const which = report === undefined ? {} : uid(report, 'the report');
    only(protect, ROUND, '`protect`');
    const key = secret(protect.key);
    const at = moment(now);
    const found = call(() => of.release(it, who.type, who.id, release, which.type, which.id, at, key));
    return found === undefined ? undefined : found.map((table) => new Table(table));
  }

  /** A condition for the `WHERE` of one's own query. */
  filter(world, question) {
    const answer = parse(this.#filterText(world, question));
    const { policy_hash: policyHash, valid_from: from, valid_until: until, ...rest } = answer;
    return { ...rest, policyHash, validFrom: shown(from ?? undefined), validUntil: shown(until ?? undefined) };
  }

  /** The tables that filters of a mapping speak of: the statements that make them. */
  tables(database) {
    only(database, DATABASE, '`tables`');
    const of = this.#held.raw;
    const [dialect, mapping] = mapped(database);
    return JSON.parse(call(() => of.tables(dialect, mapping)));
  }

  /** The start of a query for the ids of a type's rows, to which ` WHERE ` and a filter are put. */
  select(type, database) {
    only(database, DATABASE, '`select`');
    const of = this.#held.raw;
    const [dialect, mapping] = mapped(database);
    return call(() => of.select(dialect, mapping, text(type, 'the type')));
  }

  /** Role × action × situation, with every decision. */
  matrix() {
    const of = this.#held.raw;
    return parse(call(() => of.matrix(false)));
  }

  /** The matrix as people read it. */
  matrixText() {
    const of = this.#held.raw;
    return call(() => of.matrix(true));
  }

  /** Answers as the engine's JSON, to the byte what the command and the other bindings give. */
  get json() {
    this.#json ??= Object.freeze({
      answer: (world, request) => this.#checkText(world, request),
      actions: (world, question) => this.#actionsText(world, question),
      explain: (world, request) => this.#explainText(world, request),
      view: (world, question) => this.#viewText(world, question),
      whoWithReasons: (world, question) => this.#who(world, question, 'who_with_reasons'),
      countBy: (world, question) => {
        const table = this.#countBy(world, question);
        try {
          return call(() => table.json());
        } finally {
          table.free();
        }
      },
      filter: (world, question) => this.#filterText(world, question),
      matrix: () => {
        const of = this.#held.raw;
        return call(() => of.matrix(false));
      },
    });
    return this.#json;
  }

  /** Frees the engine's memory; again does nothing. */
  dispose() {
    this.#held.dispose();
    for (const road of this.#all) road.deref()?.dispose();
    this.#all.clear();
    this.#roads = new WeakMap();
    this.#last = {};
  }

  #road(world, principalType, action, resourceType) {
    const last = this.#last;
    if (
      last.action === action &&
      last.principalType === principalType &&
      last.resourceType === resourceType &&
      last.world?.deref() === world
    ) {
      return last.road;
    }
    const key = `${action}\n${principalType}\n${resourceType}`;
    let roads = this.#roads.get(world);
    if (roads === undefined) this.#roads.set(world, (roads = new Map()));
    let road = roads.get(key);
    if (road === undefined) {
      text(action, 'the action');
      road = Road.find(this.#held.raw, world[HELD].raw, principalType, action, resourceType);
      if (road === undefined) return undefined;
      roads.set(key, road);
      const weak = new WeakRef(road);
      this.#all.add(weak);
      world[ROADS].add(weak);
    }
    this.#last = { world: new WeakRef(world), principalType, action, resourceType, road };
    return road;
  }

  #reasons(world, who, action, what, json, now, version) {
    const changed = () => {
      const why = `the data has changed since version ${version}, of which this answer is: ask for its reasons before`;
      return new CasewardError('gone', why);
    };
    if (world.version !== version) throw changed();
    const of = this.#held.raw;
    const it = world[HELD].raw;
    return parse(call(() => of.check(it, who.type, who.id, action, what.type, what.id, json, now ?? 0)));
  }

  #checkText(world, request) {
    only(request, REQUEST, '`answer`');
    return this.#request(world, request, (of, ...asked) => of.check(...asked));
  }

  #explainText(world, request) {
    only(request, EXPLAIN, '`explain`');
    if (request.viewer === undefined) return this.#request(world, request, (of, ...asked) => of.explain(...asked));
    const { type, id } = uid(request.viewer, 'the viewer');
    return this.#request(world, request, (of, ...asked) => of.explain_for(...asked, type, id));
  }

  #request(world, { principal, action, resource, context, now }, ask) {
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const who = uid(principal, 'the principal');
    const what = uid(resource, 'the resource');
    text(action, 'the action');
    const json = circumstances(context);
    const at = moment(now);
    return call(() => ask(of, it, who.type, who.id, action, what.type, what.id, json, at));
  }

  #actionsText(world, question) {
    return this.#pair(world, question, (of, ...asked) => of.actions(...asked));
  }

  #viewText(world, question) {
    return this.#pair(world, question, (of, ...asked) => of.view(...asked));
  }

  #pair(world, question, ask) {
    only(question, PAIR, 'this question');
    const { principal, resource, context, now } = question;
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const who = uid(principal, 'the principal');
    const what = uid(resource, 'the resource');
    const json = circumstances(context);
    const at = moment(now);
    return call(() => ask(of, it, who.type, who.id, what.type, what.id, json, at));
  }

  #who(world, question, ask) {
    only(question, WHO, '`who`');
    const { resource, action, type, context, now } = question;
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const what = uid(resource, 'the resource');
    text(action, 'the action');
    text(type, 'the type');
    const json = circumstances(context);
    const at = moment(now);
    return call(() => of[ask](it, what.type, what.id, action, type, json, at));
  }

  #countBy(world, question) {
    only(question, COUNT, '`countBy`');
    const { principal, action, type, context, now, ...how } = question;
    const rest = () => grouping(how);
    const of = { principal, action, type, context, now };
    return this.#records(world, of, (of, ...asked) => of.count_by(...asked), rest);
  }

  #filterText(world, question) {
    only(question, FILTER, '`filter`');
    const { principal, action, type, context, now, ...database } = question;
    const rest = () => [...mapped(database), ...written(database)];
    const of = { principal, action, type, context, now };
    return this.#records(world, of, (of, ...asked) => of.filter(...asked), rest);
  }

  #visible(world, question) {
    only(question, LIST, 'this question');
    return this.#records(world, question, (of, ...asked) => of.visible(...asked));
  }

  /** Asks about all records of a type; `rest` is what else the engine is told, looked at last. */
  #records(world, { principal, action, type, context, now }, ask, rest = () => []) {
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const who = uid(principal, 'the principal');
    text(action, 'the action');
    text(type, 'the type');
    const json = circumstances(context);
    const at = moment(now);
    const more = rest();
    return call(() => ask(of, it, who.type, who.id, action, type, json, at, ...more));
  }
}

if (Symbol.dispose !== undefined) {
  Ward.prototype[Symbol.dispose] = Ward.prototype.dispose;
}

// The keys of each question.
const CONTEXT = ['context', 'now'];
const REQUEST = new Set(['principal', 'action', 'resource', ...CONTEXT]);
const EXPLAIN = new Set([...REQUEST, 'viewer']);
const MANY = new Set(['principalType', 'principals', 'action', 'resourceType', 'resources', ...CONTEXT]);
const LIST = new Set(['principal', 'action', 'type', ...CONTEXT]);
const PAIR = new Set(['principal', 'resource', ...CONTEXT]);
const WHO = new Set(['resource', 'action', 'type', ...CONTEXT]);
const ALERT = new Set(['resource', 'entry', 'type', 'now']);
const GROUPING = ['by', 'zone', 'protect'];
const COUNT = new Set([...LIST, ...GROUPING]);
const REPORT = new Set(['principal', 'kind', 'report', 'now', ...GROUPING]);
const RELEASE = new Set(['principal', 'release', 'report', 'now', 'protect']);
const DATABASE = new Set(['dialect', 'mapping']);
const FILTER = new Set([...LIST, ...DATABASE, 'firstParameter', 'parameterStyle', 'alias']);
const PROTECT = new Set(['below', 'key']);
// What is not told of a release stands in its text.
const ROUND = new Set(['key']);
const SOURCES = new Set(['schema', 'policies', 'catalogue']);

/** The JSON of a context, in which the time has no place. */
function circumstances(context) {
  refuseNow(context);
  return encodeRecord(context, 'the context', LIMITS.context);
}

/** Whose SQL, and where the tables hold what. */
function mapped({ dialect, mapping }) {
  text(dialect, 'the dialect');
  return [dialect, mapping === undefined ? undefined : text(mapping, 'the mapping', LIMITS.sources)];
}

/** How a filter is written into a query that has more in it. */
function written({ firstParameter, parameterStyle, alias }) {
  if (firstParameter !== undefined) whole(firstParameter, '`firstParameter`', 1, 32_766);
  if (parameterStyle !== undefined) text(parameterStyle, '`parameterStyle`');
  if (alias !== undefined) text(alias, '`alias`', LIMITS.name);
  return [firstParameter, parameterStyle, alias];
}

/** What to group by, the rule of the zone, and how counts are protected, as the engine takes them. */
function grouping({ by, zone, protect = {} }) {
  const groups = Array.from(by, (one) => text(one, 'a group'));
  if (zone !== undefined) text(zone, 'the zone');
  only(protect, PROTECT, '`protect`');
  const { below, key } = protect;
  if (below !== undefined) whole(below, '`below`', 0, Number.MAX_SAFE_INTEGER);
  return [join(groups), zone, below, secret(key)];
}

/** A key for rounding. */
function secret(key) {
  return key === undefined ? undefined : bytes(key, 'the key', LIMITS.name, 'request');
}

/** What the engine reads of `{schema, policies, catalogue}`. */
export function sourcesJson(sources) {
  only(sources, SOURCES, 'what is loaded');
  const { schema, policies, catalogue } = sources;
  const given = typeof policies === 'string' ? { policies } : policies;
  if (typeof given !== 'object' || given === null) {
    throw new TypeError('`policies` must be a text, or texts by the names of their files');
  }
  const texts = Object.entries(given).map(([name, one]) => ({
    name: text(name, 'a name', LIMITS.name, 'policies'),
    text: text(one, `policy \`${name}\``, LIMITS.sources, 'policies'),
  }));
  // The rules' own schema comes with their catalogue of fields.
  const rules = schema === undefined || schema === null ? Ward.attendanceSources() : { schema };
  const fields = catalogue ?? rules.catalogue;
  const all = {
    schema: { name: 'schema.cedarschema', text: text(rules.schema, 'the schema', LIMITS.sources, 'policies') },
    policies: texts,
    catalogue:
      fields === undefined
        ? undefined
        : { name: 'fields.toml', text: text(fields, 'the catalogue', LIMITS.sources, 'policies') },
  };
  const size = texts.reduce((sum, one) => sum + one.text.length, rules.schema.length + (fields?.length ?? 0));
  if (size > LIMITS.sources) {
    throw new CasewardError('policies', `${size} characters of policies, more than the ${LIMITS.sources} that are taken`);
  }
  return JSON.stringify(all);
}
