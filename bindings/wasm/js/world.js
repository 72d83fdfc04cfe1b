// The data: worlds, and changes to them.

import { Held, call } from './engine.js';
import { refuse } from './errors.js';
import { only } from './keys.js';
import { LIMITS, bytes, decode, encode, encodeRecord, join, parse, split, text, uid, whole } from './values.js';

// What other files of this package need of a world and nobody else.
export const HELD = Symbol('held');
export const FIND = Symbol('find');
export const ROADS = Symbol('roads');
export const IDS = Symbol('ids');

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

  /** @private */
  constructor(raw) {
    this.#held = new Held(raw, 'world');
  }

  /** A world without entities. */
  static empty(ward) {
    const of = ward[HELD].raw;
    return new World(call((raw) => raw.World.empty(of)));
  }

  /** A world from Cedar's entities JSON: text, bytes of UTF-8, or a list of entities. */
  static read(ward, entities) {
    const of = ward[HELD].raw;
    const json = Array.isArray(entities) ? encode(entities, 'the list of entities') : entities;
    const input = bytes(json, 'the entities JSON', LIMITS.entities, 'data');
    return new World(call((raw) => raw.World.read(of, input)));
  }

  /** Sample data of attendance case management: so many cases, and all that belongs to them. */
  static sample(ward, sizes = {}) {
    only(sizes, SIZES, 'sample data');
    const { cases = 1_000, seed = 1 } = sizes;
    const of = ward[HELD].raw;
    whole(cases, '`cases`', 0, LIMITS.cases);
    const from = BigInt(typeof seed === 'bigint' ? seed : whole(seed, '`seed`', 0, Number.MAX_SAFE_INTEGER));
    if (from < 0n || from >= 2n ** 64n) throw refuse('`seed` must be a whole number of 64 bits');
    return new World(call((raw) => raw.World.sample(of, cases, from)));
  }

  /** A world from what `toBytes` gave, in this or another process or worker. */
  static fromBytes(ward, snapshot) {
    const of = ward[HELD].raw;
    if (typeof snapshot === 'string') throw new TypeError('a snapshot must be a Uint8Array');
    const input = bytes(snapshot, 'the snapshot', LIMITS.snapshot, 'snapshot');
    return new World(call((raw) => raw.World.from_bytes(of, input)));
  }

  /** @private */
  get [HELD]() {
    return this.#held;
  }

  /** The version of the data: 1 as it was loaded, one more for each batch of changes since. */
  get version() {
    const of = this.#held.raw;
    return call(() => of.version());
  }

  /** How many entities there are, of all types. */
  get size() {
    const of = this.#held.raw;
    return call(() => of.size());
  }

  /** Bytes that the data takes in the engine's memory. */
  get bytes() {
    const of = this.#held.raw;
    return call(() => of.bytes());
  }

  /** How many entities of a type there are. */
  count(type) {
    const of = this.#held.raw;
    text(type, 'the type');
    return call(() => of.count(type));
  }

  /** The ids of a type, in the order in which they were first named. */
  ids(type) {
    const of = this.#held.raw;
    text(type, 'the type');
    return split(call(() => of.ids(type)));
  }

  /** Whether the entity is there. */
  has(entity) {
    const of = this.#held.raw;
    const { type, id } = uid(entity, 'the entity');
    return call(() => of.number(type, id)) !== 0;
  }

  /** The attributes of an entity by name; undefined where it is absent. */
  attributes(entity) {
    const of = this.#held.raw;
    const { type, id } = uid(entity, 'the entity');
    const json = call(() => of.attributes(type, id));
    return json === undefined ? undefined : decode(parse(json));
  }

  /** The numbers of entities of one type, for `checkMany`; 0 for those that are absent. */
  numbers(type, ids) {
    const of = this.#held.raw;
    text(type, 'the type');
    const joined = text(join(strings(ids)), 'the ids', LIMITS.entities);
    return call(() => of.numbers(type, joined));
  }

  /** Applies a batch, all of it or nothing, and gives the version of the data that it made. */
  apply(changes) {
    const of = this.#held.raw;
    const json = batch(changes);
    return call(() => of.apply(json));
  }

  /** The world as it would be with these changes, which it does not have. */
  with(changes) {
    const of = this.#held.raw;
    const json = batch(changes);
    return new World(call(() => of.through(json)));
  }

  /** The world as bytes, which `World.fromBytes` opens. */
  toBytes() {
    const of = this.#held.raw;
    return call(() => of.to_bytes());
  }

  /** Cedar's entities JSON, as bytes of UTF-8. */
  toEntities() {
    const of = this.#held.raw;
    return call(() => of.to_json());
  }

  /** Frees the engine's memory; again does nothing. */
  dispose() {
    this.#held.dispose();
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

  /** @private The entity, where it is there; undefined where it is not, or its name is no name. */
  [FIND](entity) {
    if (typeof entity === 'string') return this.#texts.get(entity) ?? this.#keep(entity);
    return this.#types.get(entity?.type)?.get(entity?.id) ?? this.#keep(entity);
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
  #number(of, type, id) {
    try {
      return call(() => of.number(type, id));
    } catch (error) {
      if (error.kind === 'request') return 0;
      throw error;
    }
  }

  #keep(entity) {
    const of = this.#held.raw;
    const { type, id } = uid(entity, 'an entity');
    const number = this.#number(of, type, id);
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
  if (!(world instanceof World)) throw new TypeError('the world must be of the class World');
  return world;
}

/** The numbers of entities of one type, given so or by their ids; one id stands for as many as are needed. */
export function numbersOf(world, type, all) {
  const numbers = all instanceof Uint32Array ? all : world.numbers(type, typeof all === 'string' ? [all] : all);
  if (numbers.length > LIMITS.pairs) {
    throw refuse(`${numbers.length} entities, more than the ${LIMITS.pairs} that are taken`);
  }
  return numbers;
}

/** The strings of an array or another iterable. */
function strings(all) {
  if (typeof all === 'string' || typeof all?.[Symbol.iterator] !== 'function') {
    throw new TypeError('ids must be an array of strings');
  }
  const list = Array.isArray(all) ? all : [...all];
  for (const one of list) {
    if (typeof one !== 'string') throw new TypeError('ids must be an array of strings');
  }
  return list;
}

function batch(changes) {
  if (!(changes instanceof Changes)) throw new TypeError('changes must be of the class Changes');
  return changes.toString();
}

/** A batch of changes, made one after the other and applied as a whole. */
export class Changes {
  #all = [];
  #length = 0;

  /** Adds an entity, or puts it in the place of the one of that name. */
  put(entity, attributes = {}, more = {}) {
    only(more, MORE, '`put`');
    const { parents = [], tags } = more;
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
  return `[${Array.from(entities, name).join(',')}]`;
}

function named(name) {
  return `,"name":${JSON.stringify(text(name, 'the name'))}`;
}
