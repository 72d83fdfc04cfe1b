// Counts by group.

import { HELD, Held, ask, behindProxy, call } from './engine.js';
import { decode, parse } from './values.js';

/** Counts of records by group, with all of their totals. */
export class Table {
  #held;
  /** The type of the records. */
  of;
  /** The names of the groups. */
  by;
  /** The counts of single groups, `{key, count, percent}`, in the order of their keys. */
  cells;
  /** The totals over one group, over two …, and of all, which comes last. */
  totals;
  /** What was done to the counts so that they tell of nobody; null where they are exact. */
  protected;
  /** SHA-256 of schema and policies. */
  policyHash;
  /** The version of the data that was counted. */
  version;
  /** The `now` of the question. */
  now;

  /** @private */
  constructor(raw) {
    this.#held = new Held(raw, 'table');
    const { policy_hash: policyHash, now, ...rest } = decode(parse(call(() => raw.json())));
    Object.assign(this, rest, { policyHash, now: now === null ? undefined : new Date(now) });
  }

  /** @private */
  get [HELD]() {
    if (!(#held in this)) throw behindProxy('table');
    return this.#held;
  }

  /** As comma-separated values. */
  toCsv() {
    return ask((of) => of.csv(), this[HELD]);
  }

  /** For people. */
  toString() {
    return ask((of) => of.text(), this[HELD]);
  }

  /** Frees the engine's memory, all but what was read already; again does nothing. */
  dispose() {
    this[HELD].dispose();
  }
}

if (Symbol.dispose !== undefined) {
  Table.prototype[Symbol.dispose] = Table.prototype.dispose;
}
