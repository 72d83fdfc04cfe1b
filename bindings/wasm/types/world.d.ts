// The data.

import type { Handle } from './found.js';
import type { Found, Uid, Value } from './values.js';
import type { Ward } from './ward.js';

/** A set of entities that conforms to a ward's schema; every ward of that schema can be asked about it. */
export class World implements Handle {
  private constructor();
  /** A world without entities. */
  static empty(ward: Ward): World;
  /**
   * A world from Cedar's entities JSON: text, bytes of UTF-8, or a list of entities.
   *
   * @throws {CasewardError} of kind `data`, with every problem; a reference to what is not there is one.
   */
  static read(ward: Ward, entities: string | Uint8Array | ArrayBuffer | readonly Value[]): World;
  /** Sample data of attendance case management; the same numbers give the same world. 1,000 cases unless told. */
  static sample(ward: Ward, sizes?: { readonly cases?: number; readonly seed?: number | bigint }): World;
  /**
   * A world from what `toBytes` gave: in a web worker, say.
   *
   * @throws {CasewardError} of kind `snapshot` or `schema`.
   */
  static fromBytes(ward: Ward, snapshot: Uint8Array | ArrayBuffer): World;

  /** 1 as it was loaded, one more for each batch of changes since. */
  readonly version: number;
  /** How many entities there are. */
  readonly size: number;
  /** Bytes that the data takes in the engine's memory. */
  readonly bytes: number;
  /** How many entities of a type there are. */
  count(type: string): number;
  /** The ids of a type, in the order in which they were first named. */
  ids(type: string): string[];
  has(entity: Uid): boolean;
  /** The attributes of an entity; undefined where it is absent. */
  attributes(entity: Uid): { [name: string]: Found } | undefined;
  /** The numbers of entities of one type, for `checkMany`; 0 for those that are absent. */
  numbers(type: string, ids: Iterable<string>): Uint32Array;

  /**
   * Applies a batch, all of it or nothing, and gives the version that it made.
   *
   * @throws {CasewardError} of kind `data`, with every problem, the world being as it was.
   */
  apply(changes: Changes): number;
  /** The world as it would be with these changes, which it does not have. */
  with(changes: Changes): World;
  /** The world as bytes, which `World.fromBytes` opens. */
  toBytes(): Uint8Array;
  /** Cedar's entities JSON, as bytes of UTF-8. */
  toEntities(): Uint8Array;

  dispose(): void;
  [Symbol.dispose](): void;
}

/** A batch of changes, made one after the other and applied as a whole by `World.apply`. */
export class Changes {
  constructor();
  /** Adds an entity, or puts it in the place of the one of that name, with these attributes and nothing else. */
  put(
    entity: Uid,
    attributes?: { readonly [name: string]: Value | undefined },
    more?: { readonly parents?: Iterable<Uid>; readonly tags?: { readonly [name: string]: Value | undefined } },
  ): this;
  set(entity: Uid, name: string, value: Value): this;
  unset(entity: Uid, name: string): this;
  setParents(entity: Uid, parents: Iterable<Uid>): this;
  setTag(entity: Uid, name: string, value: Value): this;
  unsetTag(entity: Uid, name: string): this;
  /** Removes an entity to which, after the batch, nothing refers. */
  remove(entity: Uid): this;
  readonly length: number;
  /** The batch as JSON. */
  toString(): string;
}
