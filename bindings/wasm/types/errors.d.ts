// What goes wrong, and where.

/** Bytes of UTF-8 in a source: from `start` up to `end`. `span` makes one of a JavaScript string of it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Lines and columns of a place, from 1, columns in characters; the end is the first place behind it. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly end_line: number;
  readonly end_column: number;
}

/** One thing that is wrong, and where: all of the place is null where it has none. */
export interface Problem extends Readonly<Record<keyof Place, number | null>> {
  readonly severity: 'warning' | 'error';
  readonly message: string;
  /** The name of the source; empty where it has none. */
  readonly source: string;
  readonly span: Span | null;
  /** What to do about it. */
  readonly help: string | null;
  /** For an entity of a list in JSON, which one it is, from 1; then the place is that of the entity in the list's text. */
  readonly entity?: number;
}

/**
 * What went wrong. `policies`: policies or a schema were refused; `data`: data or changes were; `request`: a question
 * makes no sense under the schema, or a value is none of Cedar's; `schema`: a world of another schema; `timeout`: a
 * version that has not come; `read`: a stream that broke; `snapshot`: bytes that are no snapshot; `mapping`: what is said
 * of one's own tables does not fit the schema; `untranslatable`: a policy asks what the database cannot answer exactly.
 * `bundle` and `interrupted` are the engine's elsewhere: this package opens no bundle and ends no call. Of this package
 * alone: `init`, the engine is not loaded; `gone`, what was used was disposed of, or is no longer what it was;
 * `stopped`, the engine fell (a bug in it, or no more memory) and was started anew, without the wards and worlds
 * that there were.
 *
 * A value of a wrong JavaScript type is a `TypeError`, which names the place: where a record, a question or options are
 * taken, that is whatever is no plain object. What is given is read once, before the engine is asked.
 */
export type ErrorKind =
  | 'policies'
  | 'data'
  | 'request'
  | 'schema'
  | 'timeout'
  | 'read'
  | 'snapshot'
  | 'mapping'
  | 'untranslatable'
  | 'bundle'
  | 'interrupted'
  | 'init'
  | 'gone'
  | 'stopped';

/** An error of the engine. A denial is none: it is an `Answer`. */
export class CasewardError extends Error {
  constructor(kind: ErrorKind, message: string, problems?: Problem[], options?: ErrorOptions);
  readonly kind: ErrorKind;
  /** Of a refusal of policies or data: everything that is wrong. */
  readonly problems: readonly Problem[];
}
