// What a person may see, as a set.

import { HELD, Held, ask, behindProxy } from './engine.js';
import { record } from './plain.js';
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

  /** @private */
  get [HELD]() {
    if (!(#held in this)) throw behindProxy('set');
    return this.#held;
  }

  /** How many they are. */
  get size() {
    return ask((of) => of.size(), this[HELD]);
  }

  /** Whether the record of this id is one of them. */
  has(id) {
    text(id, 'the id');
    return ask((of) => of.has(this.#type, id), this[HELD]);
  }

  /** Their ids, in the world's order. */
  ids() {
    return split(ask((of) => of.ids(), this[HELD]));
  }

  /** Their numbers in the world, ascending: what `checkMany` takes. */
  numbers() {
    return ask((of) => of.numbers(), this[HELD]);
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
  Visible.prototype[Symbol.dispose] = Visible.prototype.dispose;
}

/** A page of what is held, as `page` is told. */
export function onePage(held, cursor, how) {
  const { most = 100 } = record(how, 'what `page` is told', PAGE);
  whole(most, 'the length of a page', 1, 2 ** 31);
  if (cursor !== undefined) text(cursor, 'the cursor');
  const [ids, next] = JSON.parse(ask((of) => of.page(cursor, most), held));
  return { ids, next: next ?? undefined };
}
