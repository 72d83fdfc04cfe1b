// Names of entities and values, as they go in and come out.

/** An entity: `{type: 'Case', id: 'c1'}`, or in Cedar's syntax, `'Case::"c1"'`. */
export type Uid = string | { readonly type: string; readonly id: string };

/**
 * A value of a context or an attribute, in Cedar's JSON as the schema makes it readable: a valid `Date` or a
 * string for a `datetime`; a safe integer or a `bigint` of 64 bits for a `Long`; strings such
 * as `'1.25'`, `'10.0.0.0/8'` and `'2h30m'` for `decimal`, `ipaddr` and `duration`; `{type, id}` for an entity; an
 * array or a `Set` for a set; a plain object for a record, whose undefined fields are left out. A plain object has
 * fields of its own and inherits none: a `Map`, a promise, an instance of a class is a `TypeError`, since what is left out
 * of a record can permit what it would have denied.
 */
export type Value =
  | string
  | boolean
  | number
  | bigint
  | Date
  | readonly Value[]
  | ReadonlySet<Value>
  | { readonly [name: string]: Value | undefined };

/** A value as it comes out: a `datetime` as `Date` (Cedar's own form where no `Date` holds it), a `Long` beyond 2^53 as `bigint`, an entity as `{type, id}`, a
 * set as an array, other extension values as the text that Cedar reads them from. */
export type Found = string | boolean | number | bigint | Date | Found[] | { [name: string]: Found };

/** The circumstances of a request, as the action's schema asks for them; all but the time, which stands beside them. */
export type Context = { readonly [name: string]: Value | undefined } & { readonly now?: number | boolean };

/** When a question is asked, and under which circumstances. */
export interface Asked {
  readonly context?: Context | undefined;
  /** The clock's, where it is left out. An action that takes no `now` has no use for it. It stands here, and in the
   * context only in Cedar's own JSON, for an instant that no `Date` holds; then it is left out here. */
  readonly now?: Date | undefined;
}
