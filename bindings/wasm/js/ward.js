// Policies, and the questions that they answer.

import { Answer } from './answer.js';
import { HELD, Held, ask, behindProxy, call, heldBy } from './engine.js';
import { CasewardError, refuse } from './errors.js';
import * as questions from './questions.js';
import { Road } from './road.js';
import { Sorted } from './sorted.js';
import { attendanceSources, sourcesJson } from './sources.js';
import { Table } from './table.js';
import { decode, parse, shown, text } from './values.js';
import { Visible } from './visible.js';
import { Watch } from './watch.js';
import { FIND, IDS, ROADS, known, numbersOf } from './world.js';

const ATTENDANCE = Symbol('attendance');
const ANSWER = Symbol('answer');

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
    return attendanceSources();
  }

  /** @private */
  get [HELD]() {
    if (!(#held in this)) throw behindProxy('ward');
    return this.#held;
  }

  /** SHA-256 of schema and policies, as 64 hexadecimal digits. */
  get policyHash() {
    if (!(#held in this)) throw behindProxy('ward');
    return this.#hash;
  }

  /** Every policy, in the order of their ids. */
  policies() {
    return parse(ask((of) => of.policies(), this[HELD]));
  }

  /** The text that a policy was read from; undefined where there is no such policy. */
  source(id) {
    text(id, 'the id');
    return ask((of) => of.source(id), this[HELD]);
  }

  /** What validation finds worth a look. */
  warnings() {
    return parse(ask((of) => of.warnings(), this[HELD]));
  }

  /** May this person do this to that record? True or false. */
  allows(world, request) {
    return this[ANSWER](world, questions.request(request, 'the question of `allows`')).allowed;
  }

  /** As `allows`, with who decided and what it was made from: an object, of which `allowed` is to be asked. */
  answer(world, request) {
    return this[ANSWER](world, questions.request(request, 'the question of `answer`'));
  }

  /** What `allows` and `answer` were. An answer is an object, and `if (ward.check(…))` was true for everybody. */
  check() {
    throw refuse('`check` is now `allows`, which is true or false, or `answer`, of which `allowed` is to be asked');
  }

  /** May each of these people do this to each of those records? Pair by pair, on one version of the data. */
  checkMany(world, question) {
    if (!(#held in this)) throw behindProxy('ward');
    const numbers = (type, all) => numbersOf(known(world), type, all);
    const { principalType, resourceType, action, circumstances, ...columns } = questions.many(question, numbers);
    const road = this.#road(known(world), principalType, action, resourceType);
    const allowed = road?.decideMany(columns.principals, columns.resources, circumstances);
    if (allowed === undefined) {
      // What makes no sense of one pair makes none of any: the first says why.
      const first = { principal: { type: principalType, id: '' }, resource: { type: resourceType, id: '' } };
      checkText(this, world, { ...first, action, circumstances });
      throw refuse(`nothing decides on \`${action}\` for these types`);
    }
    return { allowed, policyHash: this.#hash, version: world.version, now: shown(road.now) };
  }

  /** The ids of the records of a type to which this person may do this, in the world's order. */
  list(world, question) {
    const { type, asked } = questions.list(question, 'the question of `list`');
    return idsOf(this, world, type, (of, it) => of.visible(it, ...asked));
  }

  /** How many records `list` gives. */
  count(world, question) {
    const { asked } = questions.list(question, 'the question of `count`');
    const found = asks(this, world, (of, it) => of.visible(it, ...asked));
    try {
      return call(() => found.size());
    } finally {
      found.free();
    }
  }

  /** What `list` gives as a set, for pages and membership. */
  visible(world, question) {
    const { type, asked } = questions.list(question, 'the question of `visible`');
    return new Visible(asks(this, world, (of, it) => of.visible(it, ...asked)), type);
  }

  /** What `list` gives, in an order and by conditions, for pages. */
  sorted(world, question) {
    const asked = questions.sorted(question);
    return new Sorted(asks(this, world, (of, it) => of.sorted(it, ...asked)));
  }

  /** What `list` gives, followed: what comes into sight and goes out of it with each batch that the world applies. */
  watch(world, question) {
    const { asked, ...how } = questions.watch(question);
    return new Watch(asks(this, world, (of, it) => of.watch(it, ...asked)), known(world), how);
  }

  /** What may this person do to that record? Each action with its answer, or with what its context still needs. */
  actions(world, question) {
    const found = decode(parse(actionsText(this, world, question)));
    return found.map(({ answer: given, ...rest }) => {
      const answer = given === null ? undefined : Answer.of(given);
      return { ...rest, answer, allowed: answer?.allowed === true };
    });
  }

  /**
   * Why, or why not, and what would turn it? For those who may know everything, or as `viewer` may see it: their own
   * requests, and those of others where they may see who may do what to the record.
   */
  explain(world, request) {
    const { answer, ...rest } = decode(parse(explainText(this, world, request)));
    return { answer: Answer.of(answer), ...rest };
  }

  /** What may this person see of that record, and do next? This is what may reach the person. */
  view(world, question) {
    const { policy_hash: policyHash, now, ...rest } = decode(parse(viewText(this, world, question)));
    return { ...rest, policyHash, now: now === null ? undefined : new Date(now) };
  }

  /** The ids of those of a type who may do this to that record, in the world's order. */
  who(world, question) {
    const { type, asked } = questions.who(question, 'the question of `who`');
    return idsOf(this, world, type, (of, it) => of.who(it, ...asked));
  }

  /** As `who`, each with the policies that permit it. */
  whoWithReasons(world, question) {
    return parse(whoText(this, world, question));
  }

  /** The ids of those who are told of what happens to a record, or to an entry of it. */
  alert(world, question) {
    const { type, asked } = questions.alert(question);
    return idsOf(this, world, type, (of, it) => of.alert(it, ...asked));
  }

  /** How many records this person may do this to, by group. */
  countBy(world, question) {
    return new Table(counted(this, world, question));
  }

  /** A report of attendance case management; undefined where this person may not have it, or it is not there. */
  report(world, question) {
    const asked = questions.report(question);
    const found = asks(this, world, (of, it) => of.report(it, ...asked));
    return found === undefined ? undefined : new Table(found);
  }

  /** The tables of a release, protected as one; undefined where this person may not have such a report. */
  release(world, question) {
    const asked = questions.release(question);
    const found = asks(this, world, (of, it) => of.release(it, ...asked));
    return found === undefined ? undefined : found.map((table) => new Table(table));
  }

  /** A condition for the `WHERE` of one's own query. */
  filter(world, question) {
    const answer = parse(filterText(this, world, question));
    const { policy_hash: policyHash, valid_from: from, valid_until: until, ...rest } = answer;
    return { ...rest, policyHash, validFrom: shown(from ?? undefined), validUntil: shown(until ?? undefined) };
  }

  /** The tables that filters of a mapping speak of: the statements that make them. */
  tables(database) {
    const asked = questions.database(database, 'the database of `tables`');
    return JSON.parse(ask((of) => of.tables(...asked), this[HELD]));
  }

  /** The start of a query for the ids of a type's rows, to which ` WHERE ` and a filter are put. */
  select(type, database) {
    const asked = questions.database(database, 'the database of `select`');
    text(type, 'the type');
    return ask((of) => of.select(...asked, type), this[HELD]);
  }

  /** Role × action × situation, with every decision. */
  matrix() {
    return parse(this.json.matrix());
  }

  /** The matrix as people read it. */
  matrixText() {
    return ask((of) => of.matrix(true), this[HELD]);
  }

  /** Answers as the engine's JSON, to the byte what the command and the other bindings give. */
  get json() {
    if (!(#held in this)) throw behindProxy('ward');
    this.#json ??= Object.freeze({
      answer: (world, request) => checkText(this, world, questions.request(request, 'the question of `answer`')),
      actions: (world, question) => actionsText(this, world, question),
      explain: (world, request) => explainText(this, world, request),
      view: (world, question) => viewText(this, world, question),
      whoWithReasons: (world, question) => whoText(this, world, question),
      countBy: (world, question) => {
        const table = counted(this, world, question);
        try {
          return call(() => table.json());
        } finally {
          table.free();
        }
      },
      filter: (world, question) => filterText(this, world, question),
      matrix: () => ask((of) => of.matrix(false), this[HELD]),
    });
    return this.#json;
  }

  /** Frees the engine's memory; again does nothing. */
  dispose() {
    this[HELD].dispose();
    for (const road of this.#all) road.deref()?.dispose();
    this.#all.clear();
    this.#roads = new WeakMap();
    this.#last = {};
  }

  /** @private */
  [ANSWER](world, request) {
    if (!(#held in this)) throw behindProxy('ward');
    const { principal, action, resource, circumstances } = request;
    const who = known(world)[FIND](principal);
    const what = world[FIND](resource);
    // Whatever is not plain is asked in full: who or what is absent, and what makes no sense.
    if (who !== undefined && what !== undefined) {
      const road = this.#road(world, who.type, action, what.type);
      const found = road?.decide(who.number, what.number, circumstances);
      if (found !== undefined) {
        const { json, now: at } = road;
        const rest = (version) => this.#reasons(world, who, action, what, json, at, version);
        return new Answer(found % 2 === 1, Math.floor(found / 2), this.#hash, at, rest);
      }
    }
    return Answer.of(parse(checkText(this, world, request)));
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
    if (roads === undefined) {
      roads = new Map();
      this.#roads.set(world, roads);
    }
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
    const check = (of, it) => of.check(it, who.type, who.id, action, what.type, what.id, json, now ?? 0);
    return parse(asks(this, world, check));
  }
}

if (Symbol.dispose !== undefined) {
  Ward.prototype[Symbol.dispose] = Ward.prototype.dispose;
}

/** Asks about a world; both are looked up when the question has been read. */
function asks(ward, world, work) {
  return ask(work, ward[HELD], heldBy(world, 'world'));
}

/** The ids of what the engine finds of one type. */
function idsOf(ward, world, type, work) {
  const found = asks(ward, world, work);
  try {
    return world[IDS](type, found);
  } finally {
    found.free();
  }
}

function checkText(ward, world, request) {
  const asked = questions.inFull(request);
  return asks(ward, world, (of, it) => of.check(it, ...asked));
}

function explainText(ward, world, question) {
  const [asked, viewer] = questions.explained(question);
  if (viewer === undefined) return asks(ward, world, (of, it) => of.explain(it, ...asked));
  return asks(ward, world, (of, it) => of.explain_for(it, ...asked, ...viewer));
}

function actionsText(ward, world, question) {
  const asked = questions.pair(question, 'the question of `actions`');
  return asks(ward, world, (of, it) => of.actions(it, ...asked));
}

function viewText(ward, world, question) {
  const asked = questions.pair(question, 'the question of `view`');
  return asks(ward, world, (of, it) => of.view(it, ...asked));
}

function whoText(ward, world, question) {
  const { asked } = questions.who(question, 'the question of `whoWithReasons`');
  return asks(ward, world, (of, it) => of.who_with_reasons(it, ...asked));
}

function counted(ward, world, question) {
  const asked = questions.count(question);
  return asks(ward, world, (of, it) => of.count_by(it, ...asked));
}

function filterText(ward, world, question) {
  const asked = questions.filter(question);
  return asks(ward, world, (of, it) => of.filter(it, ...asked));
}
