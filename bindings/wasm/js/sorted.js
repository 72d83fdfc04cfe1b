// What a person may see, in an order.

import { HELD, Held, ask, behindProxy } from './engine.js';
import { onePage } from './visible.js';
import { shown, split } from './values.js';

/** The records of one type to which a person may do something, in an order, found at one version of the data. */
export class Sorted {
  #held;

  /** @private */
  constructor(raw) {
    this.#held = new Held(raw, 'list');
  }

  /** @private */
  get [HELD]() {
    if (!(#held in this)) throw behindProxy('list');
    return this.#held;
  }

  /** How many they are. */
  get size() {
    return ask((of) => of.size(), this[HELD]);
  }

  /** Their ids, in order. */
  ids() {
    return split(ask((of) => of.ids(), this[HELD]));
  }

  /** Up to `most` ids behind `cursor`, or the first ones; `next` is where the next page begins, undefined at the
   * end. */
  page(cursor = undefined, how = {}) {
    return onePage(this[HELD], cursor, how);
  }

  /** The version of the data that they were found in. */
  get version() {
    return ask((of) => of.version(), this[HELD]);
  }

  /** SHA-256 of the schema and policies that they were found by. */
  get policyHash() {
    return ask((of) => of.policy_hash(), this[HELD]);
  }

  /** The `now` of the context. */
  get now() {
    return shown(ask((of) => of.now(), this[HELD]));
  }

  /** Frees the engine's memory; again does nothing. */
  dispose() {
    this[HELD].dispose();
  }
}

if (Symbol.dispose !== undefined) {
  Sorted.prototype[Symbol.dispose] = Sorted.prototype.dispose;
}
