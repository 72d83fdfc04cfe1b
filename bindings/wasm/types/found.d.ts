// What is found and held in the engine's memory: sets and tables.

import type { Found } from './values.js';

/** A thing in the engine's memory: freed by `dispose`, by `using`, or some time after nothing refers to it. */
export interface Handle {
  /** Frees the engine's memory; what is asked afterwards is an error of kind `gone`. Again does nothing. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** The records of one type to which a person may do something, found at one version of the data. */
export class Visible implements Handle {
  private constructor();
  readonly size: number;
  has(id: string): boolean;
  /** In the order in which the world first named them. */
  ids(): string[];
  /** Their numbers in the world, ascending: what `checkMany` takes. */
  numbers(): Uint32Array;
  /**
   * Up to `most` ids, at least 1 and 100 unless told, behind `cursor`, or the first ones; `next`, which stays valid when the data
   * changes, is undefined at the end.
   */
  page(cursor?: string, how?: { readonly most?: number }): { ids: string[]; next: string | undefined };
  readonly version: number;
  readonly policyHash: string;
  readonly now: Date | undefined;
  dispose(): void;
  [Symbol.dispose](): void;
}

/** The records of one type to which a person may do something, in an order, found at one version of the data. */
export class Sorted implements Handle {
  private constructor();
  readonly size: number;
  /** In order. */
  ids(): string[];
  /**
   * Up to `most` ids, at least 1 and 100 unless told, behind `cursor`, or the first ones; `next` is undefined at the end. A
   * cursor is sealed, and safe to hand to a browser. It goes with its question, of whatever time, and stays valid when the
   * data changes: whatever is listed throughout comes once.
   *
   * @throws {CasewardError} of kind `request` for a cursor of another question, other policies or another world, and for one
   * past which a record of the list came since: begin anew.
   */
  page(cursor?: string, how?: { readonly most?: number }): { ids: string[]; next: string | undefined };
  readonly version: number;
  readonly policyHash: string;
  readonly now: Date | undefined;
  dispose(): void;
  [Symbol.dispose](): void;
}

/** What one batch changed of what a person sees. */
export interface Sighted {
  /** The version of the data since which it is so. */
  readonly version: number;
  /** The time at which it was looked at. */
  readonly now: Date | undefined;
  /** The ids of what came into sight, in the world's order. */
  readonly came: readonly string[];
  /** The ids of what went out of it. */
  readonly went: readonly string[];
}

/**
 * The records of one type to which a person may do something, followed from batch to batch: an async iterator of what changes
 * of them. `first`, with everything that it gave since, is the list at the version of what it gave last. It ends when it or its
 * world is disposed of, and when a `for await` is left; a world that it follows keeps it until then.
 *
 * @throws {CasewardError} from `next`: of kind `gone`, where more changes came than may wait, after those that waited; of kind
 * `stopped`, where the engine stopped.
 */
export class Watch implements Handle, AsyncIterableIterator<Sighted, undefined> {
  private constructor();
  /** The ids of what was seen when it began, in the world's order. */
  readonly first: readonly string[];
  /** The version of the data then. */
  readonly version: number;
  /** The next change, when it comes; changes in which nothing came and nothing went are passed over. */
  next(): Promise<IteratorResult<Sighted, undefined>>;
  return(value?: undefined): Promise<IteratorResult<Sighted, undefined>>;
  /** Looks again, at the clock's time or at `now`: what time alone changed is told of as a batch is. */
  tick(now?: Date): void;
  [Symbol.asyncIterator](): this;
  dispose(): void;
  [Symbol.dispose](): void;
}

/** Counts of records by group, and all of their totals. Groups in which there is nothing are left out. */
export class Table implements Handle {
  private constructor();
  /** The type of the records. */
  readonly of: string;
  /** The names of the groups. */
  readonly by: readonly string[];
  /** The counts of single groups, in the order of their keys. */
  readonly cells: readonly Line[];
  /** The totals over one group, over two …, and of all, which comes last. */
  readonly totals: readonly Line[];
  /** What was done to the counts so that they tell of nobody; null where they are exact. */
  readonly protected: { readonly method: 'suppression'; readonly below: number } | { readonly method: 'rounding'; readonly base: number } | null;
  /** Of a table of a release: what both are called, and its other tables, which it was protected with. */
  readonly release?: { readonly release: string; readonly table: string; readonly with: readonly string[] };
  readonly policyHash: string;
  readonly version: number;
  readonly now: Date | undefined;
  toCsv(): string;
  /** For people. */
  toString(): string;
  dispose(): void;
  [Symbol.dispose](): void;
}

/** One count, and of which groups it is. */
export interface Line {
  /**
   * By the names of the groups; a total is without those of which it is one. Null is for records without a value, `[]`
   * for those whose set is empty.
   */
  readonly key: { readonly [group: string]: Found | null };
  /** Null where it is not told. */
  readonly count: number | null;
  readonly percent: number | null;
}
