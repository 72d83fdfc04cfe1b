// What a person may see, as a set.

import { Held, call } from './engine.js';
import { only } from './keys.js';
import { shown, split, text, whole } from './values.js';

const PAGE = new Set(['most']);

/** The records of one type to which a person may do something, found at one version of the data. */
export class Visible {
  #held;
  #type;

  /** @private */
  constructor(raw, type) {
    this.#held = new Held(raw, 'set');
    this.#type = type;
  }

  /** How many they are. */
  get size() {
    const of = this.#held.raw;
    return call(() => of.size());
  }

  /** Whether the record of this id is one of them. */
  has(id) {
    const of = this.#held.raw;
    text(id, 'the id');
    return call(() => of.has(this.#type, id));
  }

  /** Their ids, in the world's order. */
  ids() {
    const of = this.#held.raw;
    return split(call(() => of.ids()));
  }

  /** Their numbers in the world, ascending: what `checkMany` takes. */
  numbers() {
    const of = this.#held.raw;
    return call(() => of.numbers());
  }

  /** Up to `most` ids behind `cursor`, or the first ones; `next` is where the next page begins, undefined at the
   * end. */
  page(cursor = undefined, how = {}) {
    only(how, PAGE, 'a page');
    const { most = 100 } = how;
    const of = this.#held.raw;
    whole(most, 'the length of a page', 0, 2 ** 31);
    if (cursor !== undefined) text(cursor, 'the cursor');
    const [ids, next] = JSON.parse(call(() => of.page(cursor, most)));
    return { ids, next: next ?? undefined };
  }

  /** The version of the data that they were found in. */
  get version() {
    const of = this.#held.raw;
    return call(() => of.version());
  }

  /** SHA-256 of the schema and policies that they were found by. */
  get policyHash() {
    const of = this.#held.raw;
    return call(() => of.policy_hash());
  }

  /** The `now` of the context. */
  get now() {
    const of = this.#held.raw;
    return shown(call(() => of.now()));
  }

  /** Frees the engine's memory; again does nothing. */
  dispose() {
    this.#held.dispose();
  }
}

if (Symbol.dispose !== undefined) {
  Visible.prototype[Symbol.dispose] = Visible.prototype.dispose;
}
