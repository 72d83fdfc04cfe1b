// The data: worlds, and changes to them.

import { HELD, Held, ask, behindProxy, call, heldBy } from './engine.js';
import { refuse } from './errors.js';
import { described, record } from './plain.js';
import { LIMITS, bare, bytes, decode, encode, encodeRecord, join, parse, split, text, uid, whole } from './values.js';

// What other files of this package need of a world and nobody else.
export const FIND = Symbol('find');
export const ROADS = Symbol('roads');
export const IDS = Symbol('ids');
export const WATCHES = Symbol('watches');
/** How a watch is told of a batch. */
export const FOLLOW = Symbol('follow');

/** Entities whose numbers are kept, so that their names need not cross over again. */
const KEPT = 200_000;
/** Rows of a type whose ids are kept, so that lists are numbers and no text. */
const ROWS = 2_000_000;

const SIZES = new Set(['cases', 'seed']);
const MORE = new Set(['parents', 'tags']);

/** A set of entities that conforms to the schema of a ward. */
export class World {
  #held;
  /** Entities by their names in Cedar's syntax, and by type and id: `{type, id, number}`.
   * A number names one entity for as long as the world lives, so that nothing here ever goes stale. */
  #texts = new Map();
  #types = new Map();
  #kept = 0;
  /** By type, ids by number. */
  #ids = new Map();
  /** What wards keep for it, as far as it is still there. */
  #roads = new Set();
  /** What follows it; null for a world seen through changes, which applies none. */
  #watches;

  /** @private */
  constructor(raw, watches = new Set()) {
    this.#held = new Held(raw, 'world');
    this.#watches = watches;
  }

  /** A world without entities. */
  static empty(ward) {
    return new World(ask((of, _, raw) => raw.World.empty(of), heldBy(ward, 'ward')));
  }

  /** A world from Cedar's entities JSON: text, bytes of UTF-8, or a list of entities. */
  static read(ward, entities) {
    const json = Array.isArray(entities) ? encode(entities, 'the list of entities') : entities;
    const input = bytes(json, 'the entities JSON', LIMITS.entities, 'data');
    return new World(ask((of, _, raw) => raw.World.read(of, input), heldBy(ward, 'ward')));
  }

  /** Sample data of attendance case management: so many cases, and all that belongs to them. */
  static sample(ward, sizes = {}) {
    const { cases = 1_000, seed = 1 } = record(sizes, 'what `sample` is told', SIZES);
    whole(cases, '`cases`', 0, LIMITS.cases);
    const from = BigInt(typeof seed === 'bigint' ? seed : whole(seed, '`seed`', 0, Number.MAX_SAFE_INTEGER));
    if (from < 0n || from >= 2n ** 64n) throw refuse('`seed` must be a whole number of 64 bits');
    return new World(ask((of, _, raw) => raw.World.sample(of, cases, from), heldBy(ward, 'ward')));
  }

  /** A world from what `toBytes` gave, in this or another process or worker. */
  static fromBytes(ward, snapshot) {
    if (typeof snapshot === 'string') throw new TypeError('a snapshot must be a Uint8Array');
    const input = bytes(snapshot, 'the snapshot', LIMITS.snapshot, 'snapshot');
    return new World(ask((of, _, raw) => raw.World.from_bytes(of, input), heldBy(ward, 'ward')));
  }

  /** @private */
  get [HELD]() {
    if (!(#held in this)) throw behindProxy('world');
    return this.#held;
  }

  /** The version of the data: 1 as it was loaded, one more for each batch of changes since. */
  get version() {
    return ask((of) => of.version(), this[HELD]);
  }

  /** How many entities there are, of all types. */
  get size() {
    return ask((of) => of.size(), this[HELD]);
  }

  /** Bytes that the data takes in the engine's memory. */
  get bytes() {
    return ask((of) => of.bytes(), this[HELD]);
  }

  /** How many entities of a type there are. */
  count(type) {
    text(type, 'the type');
    return ask((of) => of.count(type), this[HELD]);
  }

  /** The ids of a type, in the order in which they were first named. */
  ids(type) {
    text(type, 'the type');
    return split(ask((of) => of.ids(type), this[HELD]));
  }

  /** Whether the entity is there. */
  has(entity) {
    const { type, id } = uid(entity, 'the entity');
    return ask((of) => of.number(type, id), this[HELD]) !== 0;
  }

  /** The attributes of an entity by name; undefined where it is absent. */
  attributes(entity) {
    const { type, id } = uid(entity, 'the entity');
    const json = ask((of) => of.attributes(type, id), this[HELD]);
    return json === undefined ? undefined : decode(parse(json));
  }

  /** The numbers of entities of one type, for `checkMany`; 0 for those that are absent. */
  numbers(type, ids) {
    text(type, 'the type');
    const joined = text(join(strings(ids)), 'the ids', LIMITS.entities);
    return ask((of) => of.numbers(type, joined), this[HELD]);
  }

  /** Applies a batch, all of it or nothing, and gives the version of the data that it made. */
  apply(changes) {
    const json = batch(changes);
    const watches = this.#watches ?? [];
    const version = ask((of) => of.apply(json, watches.size > 0), this[HELD]);
    for (const watch of watches) watch[FOLLOW]();
    return version;
  }

  /** The world as it would be with these changes, which it does not have. */
  with(changes) {
    const json = batch(changes);
    return new World(ask((of) => of.through(json), this[HELD]), null);
  }

  /** The world as bytes, which `World.fromBytes` opens. */
  toBytes() {
    return ask((of) => of.to_bytes(), this[HELD]);
  }

  /** Cedar's entities JSON, as bytes of UTF-8. */
  toEntities() {
    return ask((of) => of.to_json(), this[HELD]);
  }

  /** Frees the engine's memory; again does nothing. */
  dispose() {
    this[HELD].dispose();
    for (const watch of this.#watches ?? []) watch.dispose();
    for (const road of this.#roads) road.deref()?.dispose();
    this.#roads.clear();
    this.#texts.clear();
    this.#types.clear();
    this.#ids.clear();
  }

  /** @private */
  get [ROADS]() {
    return this.#roads;
  }

  /** @private */
  get [WATCHES]() {
    return this.#watches;
  }

  /** @private The entity of a text or of `{type, id}`, where it is there; undefined where it is not. */
  [FIND](entity) {
    if (typeof entity === 'string') return this.#texts.get(entity) ?? this.#keep(entity);
    return this.#types.get(entity.type)?.get(entity.id) ?? this.#keep(entity);
  }

  /** @private The ids of what the engine found of one type. */
  [IDS](type, found) {
    const numbers = call(() => found.numbers());
    const known = this.#ids.get(type) ?? [];
    const ids = new Array(numbers.length);
    for (let at = 0; at < numbers.length; at += 1) {
      const id = known[numbers[at]];
      if (id === undefined) return this.#learn(type, numbers, known, found);
      ids[at] = id;
    }
    return ids;
  }

  #learn(type, numbers, known, found) {
    const ids = split(call(() => found.ids()));
    // They ascend.
    const most = numbers.at(-1);
    if (most < ROWS) {
      if (most >= known.length) {
        const longer = new Array(Math.min(ROWS, most + 1 + (most >> 1)));
        known.forEach((id, at) => {
          longer[at] = id;
        });
        known = longer;
        this.#ids.set(type, known);
      }
      numbers.forEach((number, at) => {
        known[number] = ids[at];
      });
    }
    return ids;
  }

  /** 0 for what is not there, of whatever type: a question that makes no sense is refused when it is asked in full. */
  #number(type, id) {
    try {
      return ask((of) => of.number(type, id), this.#held);
    } catch (error) {
      if (error.kind === 'request') return 0;
      throw error;
    }
  }

  #keep(entity) {
    const { type, id } = uid(entity, 'an entity');
    const number = this.#number(type, id);
    if (number === 0) return undefined;
    if (this.#kept >= KEPT) {
      this.#texts.clear();
      this.#types.clear();
      this.#kept = 0;
    }
    this.#kept += 1;
    const found = { type, id, number };
    if (typeof entity === 'string') {
      this.#texts.set(entity, found);
    } else {
      if (!this.#types.has(type)) this.#types.set(type, new Map());
      this.#types.get(type).set(id, found);
    }
    return found;
  }
}

if (Symbol.dispose !== undefined) {
  World.prototype[Symbol.dispose] = World.prototype.dispose;
}

/** The world, where it is one. */
export function known(world) {
  heldBy(world, 'world');
  return world;
}

/** The numbers of entities of one type, given so or by their ids; one id stands for as many as are needed. */
export function numbersOf(world, type, all) {
  const numbers = all instanceof Uint32Array ? bare(all) : world.numbers(type, typeof all === 'string' ? [all] : all);
  if (numbers.length > LIMITS.pairs) {
    throw refuse(`${numbers.length} entities, more than the ${LIMITS.pairs} that are taken`);
  }
  return numbers;
}

/** The strings of an array or another iterable. */
function strings(all) {
  if (typeof all === 'string' || typeof all?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`ids must be an array of strings, and are ${described(all)}`);
  }
  const list = [...all];
  for (const one of list) {
    if (typeof one !== 'string') throw new TypeError(`ids must be an array of strings, and one is ${described(one)}`);
  }
  return list;
}

function batch(changes) {
  if (!(changes instanceof Changes)) {
    throw new TypeError(`changes must be of the class Changes, and are ${described(changes)}`);
  }
  return changes.toString();
}

/** A batch of changes, made one after the other and applied as a whole. */
export class Changes {
  #all = [];
  #length = 0;

  /** Adds an entity, or puts it in the place of the one of that name. */
  put(entity, attributes = {}, more = {}) {
    const { parents = [], tags } = record(more, 'what `put` is told besides', MORE);
    const attrs = encodeRecord(attributes, 'the attributes', LIMITS.changes);
    const labels = tags === undefined ? '' : `,"tags":${encodeRecord(tags, 'the tags', LIMITS.changes)}`;
    return this.#add('put', entity, `,"attrs":${attrs},"parents":${names(parents)}${labels}`);
  }

  /** Sets one attribute of an entity that is there. */
  set(entity, name, value) {
    return this.#add('set', entity, `${named(name)},"value":${encode(value, `\`${name}\``)}`);
  }

  /** Takes an optional attribute from an entity, if it has it. */
  unset(entity, name) {
    return this.#add('unset', entity, named(name));
  }

  /** Sets what an entity lies in, directly. */
  setParents(entity, parents) {
    return this.#add('set_parents', entity, `,"parents":${names(parents)}`);
  }

  /** Sets one tag of an entity. */
  setTag(entity, name, value) {
    return this.#add('set_tag', entity, `${named(name)},"value":${encode(value, `tag \`${name}\``)}`);
  }

  /** Takes a tag from an entity, if it has it. */
  unsetTag(entity, name) {
    return this.#add('unset_tag', entity, named(name));
  }

  /** Removes an entity to which, after the batch, nothing refers. */
  remove(entity) {
    return this.#add('remove', entity, '');
  }

  /** How many changes these are. */
  get length() {
    return this.#all.length;
  }

  /** The batch as JSON. */
  toString() {
    return `[${this.#all.join(',')}]`;
  }

  #add(what, entity, rest) {
    const line = `{"${what}":{"uid":${name(entity)}${rest}}}`;
    this.#length += line.length;
    if (this.#length > LIMITS.changes) {
      throw refuse(`the changes have more than the ${LIMITS.changes} characters in JSON that are taken`);
    }
    this.#all.push(line);
    return this;
  }
}

function name(entity) {
  return JSON.stringify(uid(entity, 'the entity'));
}

function names(entities) {
  if (typeof entities === 'string' || typeof entities?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`parents must be an array of entities, and are ${described(entities)}`);
  }
  return `[${Array.from(entities, name).join(',')}]`;
}

function named(name) {
  return `,"name":${JSON.stringify(text(name, 'the name'))}`;
}
