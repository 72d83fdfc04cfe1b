// Policies, and the questions that they answer.

import { Answer } from './answer.js';
import { Held, call } from './engine.js';
import { CasewardError, refuse } from './errors.js';
import { Road } from './road.js';
import { Table } from './table.js';
import { LIMITS, bytes, decode, encodeRecord, instant, join, parse, shown, text, uid, whole } from './values.js';
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

  /** May this person do this to that record? */
  check(world, request) {
    const { principal, action, resource, context } = request;
    const who = known(world)[FIND](principal);
    const what = world[FIND](resource);
    // Whatever is not plain is asked in full: who or what is absent, and what makes no sense.
    if (who !== undefined && what !== undefined) {
      const road = this.#road(world, who.type, action, what.type);
      const found = road?.decide(who.number, what.number, context);
      if (found !== undefined) {
        const { json, now } = road;
        const rest = (version) => this.#reasons(world, who, action, what, json, now, version);
        return new Answer(found % 2 === 1, Math.floor(found / 2), this.#hash, now, rest);
      }
    }
    return Answer.of(parse(this.#checkText(world, request)));
  }

  /** Whether it is allowed: as `check`, for loops. */
  allows(world, request) {
    return this.check(world, request).allowed;
  }

  /** May each of these people do this to each of those records? Pair by pair, on one version of the data. */
  checkMany(world, { principalType, principals, action, resourceType, resources, context }) {
    known(world);
    text(principalType, 'the principal type');
    text(resourceType, 'the resource type');
    const who = numbersOf(world, principalType, principals);
    const what = numbersOf(world, resourceType, resources);
    const road = this.#road(world, principalType, action, resourceType);
    const allowed = road?.decideMany(who, what, context);
    if (allowed === undefined) {
      // What makes no sense of one pair makes none of any: the first says why.
      const first = { principal: { type: principalType, id: '' }, resource: { type: resourceType, id: '' } };
      this.#checkText(world, { ...first, action, context });
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
    return found.map(({ answer, ...rest }) => ({ ...rest, answer: answer === null ? undefined : Answer.of(answer) }));
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
  alert(world, { resource, entry, type, now = new Date() }) {
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const what = uid(resource, 'the resource');
    const part = entry === undefined ? {} : uid(entry, 'the entry');
    text(type, 'the type');
    const at = instant(now, '`now`');
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
  report(world, { principal, kind = '', report, now = new Date(), ...how }) {
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const who = uid(principal, 'the principal');
    text(kind, 'the kind');
    const which = report === undefined ? {} : uid(report, 'the report');
    const [at, grouped] = [instant(now, '`now`'), grouping(how)];
    const found = call(() => of.report(it, who.type, who.id, kind, which.type, which.id, at, ...grouped));
    return found === undefined ? undefined : new Table(found);
  }

  /** A condition for the `WHERE` of one's own query. */
  filter(world, question) {
    const answer = parse(this.#filterText(world, question));
    const { policy_hash: policyHash, valid_from: from, valid_until: until, ...rest } = answer;
    return { ...rest, policyHash, validFrom: shown(from ?? undefined), validUntil: shown(until ?? undefined) };
  }

  /** The tables that filters of a mapping speak of: the statements that make them. */
  tables(database) {
    const of = this.#held.raw;
    const [dialect, mapping] = mapped(database);
    return JSON.parse(call(() => of.tables(dialect, mapping)));
  }

  /** The start of a query for the ids of a type's rows, to which ` WHERE ` and a filter are put. */
  select(type, database) {
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
      check: (world, request) => this.#checkText(world, request),
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
    return this.#request(world, request, (of, ...asked) => of.check(...asked));
  }

  #explainText(world, request) {
    if (request.viewer === undefined) return this.#request(world, request, (of, ...asked) => of.explain(...asked));
    const { type, id } = uid(request.viewer, 'the viewer');
    return this.#request(world, request, (of, ...asked) => of.explain_for(...asked, type, id));
  }

  #request(world, { principal, action, resource, context }, ask) {
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const who = uid(principal, 'the principal');
    const what = uid(resource, 'the resource');
    text(action, 'the action');
    const json = encodeRecord(context, 'the context', LIMITS.context);
    return call(() => ask(of, it, who.type, who.id, action, what.type, what.id, json, Date.now()));
  }

  #actionsText(world, question) {
    return this.#pair(world, question, (of, ...asked) => of.actions(...asked));
  }

  #viewText(world, question) {
    return this.#pair(world, question, (of, ...asked) => of.view(...asked));
  }

  #pair(world, { principal, resource, context }, ask) {
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const who = uid(principal, 'the principal');
    const what = uid(resource, 'the resource');
    const json = encodeRecord(context, 'the context', LIMITS.context);
    return call(() => ask(of, it, who.type, who.id, what.type, what.id, json, Date.now()));
  }

  #who(world, { resource, action, type, context }, ask) {
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const what = uid(resource, 'the resource');
    text(action, 'the action');
    text(type, 'the type');
    const json = encodeRecord(context, 'the context', LIMITS.context);
    return call(() => of[ask](it, what.type, what.id, action, type, json, Date.now()));
  }

  #countBy(world, { principal, action, type, context, ...how }) {
    const rest = () => grouping(how);
    return this.#records(world, { principal, action, type, context }, (of, ...asked) => of.count_by(...asked), rest);
  }

  #filterText(world, { principal, action, type, context, ...database }) {
    const rest = () => mapped(database);
    return this.#records(world, { principal, action, type, context }, (of, ...asked) => of.filter(...asked), rest);
  }

  #visible(world, question) {
    return this.#records(world, question, (of, ...asked) => of.visible(...asked));
  }

  /** Asks about all records of a type; `rest` is what else the engine is told, looked at last. */
  #records(world, { principal, action, type, context }, ask, rest = () => []) {
    const [of, it] = [this.#held.raw, known(world)[HELD].raw];
    const who = uid(principal, 'the principal');
    text(action, 'the action');
    text(type, 'the type');
    const json = encodeRecord(context, 'the context', LIMITS.context);
    const more = rest();
    return call(() => ask(of, it, who.type, who.id, action, type, json, Date.now(), ...more));
  }
}

if (Symbol.dispose !== undefined) {
  Ward.prototype[Symbol.dispose] = Ward.prototype.dispose;
}

/** Whose SQL, and where the tables hold what. */
function mapped({ dialect, mapping }) {
  text(dialect, 'the dialect');
  return [dialect, mapping === undefined ? undefined : text(mapping, 'the mapping', LIMITS.sources)];
}

/** What to group by, the rule of the zone, and how counts are protected, as the engine takes them. */
function grouping({ by, zone, protect = {} }) {
  const groups = Array.from(by, (one) => text(one, 'a group'));
  if (zone !== undefined) text(zone, 'the zone');
  const { below, key } = protect;
  if (below !== undefined) whole(below, '`below`', 0, Number.MAX_SAFE_INTEGER);
  const secret = key === undefined ? undefined : bytes(key, 'the key', LIMITS.name, 'request');
  return [join(groups), zone, below, secret];
}

/** What the engine reads of `{schema, policies, catalogue}`. */
export function sourcesJson({ schema, policies, catalogue }) {
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
