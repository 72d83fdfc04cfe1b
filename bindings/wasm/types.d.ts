// Types of the package `caseward`. Checked against real uses by `test/types`.

/** An entity: `{type: 'Case', id: 'c1'}`, or in Cedar's syntax, `'Case::"c1"'`. */
export type Uid = string | { readonly type: string; readonly id: string };

/**
 * A value of a context or an attribute, in Cedar's JSON as the schema makes it readable: a valid `Date` or a
 * string for a `datetime`; a safe integer or a `bigint` of 64 bits for a `Long`; strings such
 * as `'1.25'`, `'10.0.0.0/8'` and `'2h30m'` for `decimal`, `ipaddr` and `duration`; `{type, id}` for an entity; an
 * array or a `Set` for a set; a plain object for a record, whose undefined fields are left out.
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

/**
 * The circumstances of a request, as the action's schema asks for them. Where the action takes a `now` and it is left
 * out, it is the clock's.
 */
export interface Context {
  readonly now?: Date;
  readonly [name: string]: Value | undefined;
}

/** May `principal` do `action` to `resource`? */
export interface Request {
  readonly principal: Uid;
  /** The action's id, such as `viewSummary`, or its whole name, such as `Action::"viewSummary"`. */
  readonly action: string;
  readonly resource: Uid;
  readonly context?: Context;
}

/** To which records of a type may `principal` do `action`? */
export interface ListQuestion {
  readonly principal: Uid;
  readonly action: string;
  /** The type of the records, such as `Case`. */
  readonly type: string;
  readonly context?: Context;
}

/** What may `principal` do to `resource`? */
export interface ActionsQuestion {
  readonly principal: Uid;
  readonly resource: Uid;
  /** Fields for any of the actions; each takes those that it knows. */
  readonly context?: Context;
}

/** May each of these people do this to each of those records, pair by pair? */
export interface ManyQuestion {
  readonly principalType: string;
  /** Ids, or numbers as `World.numbers` gives them; one stands for as many as there are resources. */
  readonly principals: string | Iterable<string> | Uint32Array;
  readonly action: string;
  readonly resourceType: string;
  /** As `principals`. */
  readonly resources: string | Iterable<string> | Uint32Array;
  readonly context?: Context;
}

/** A schema and its policies, as text. */
export interface Sources {
  /** In Cedar's schema language; left out, it is that of attendance case management. */
  readonly schema?: string;
  /**
   * A text of any number of policies, each with an `@id`; or texts by name. A name that ends in `.cedar` is a file: it
   * holds one policy, whose `@id` is the path with dots (`school/S1.cedar`, `@id("school.S1")`).
   */
  readonly policies: string | { readonly [name: string]: string };
}

/** Bytes of UTF-8 in a source: from `start` up to `end`. `span` makes one of a JavaScript string of it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One thing that is wrong, and where. */
export interface Problem {
  readonly severity: 'warning' | 'error';
  readonly message: string;
  /** The name of the source; empty where it has none. */
  readonly source: string;
  readonly span: Span | null;
  /** What to do about it. */
  readonly help: string | null;
}

/**
 * What went wrong. `policies`: policies or a schema were refused; `data`: data or changes were; `request`: a question
 * makes no sense under the schema, or a value is none of Cedar's; `schema`: a world of another schema; `timeout`: a
 * version that has not come; `read`: a stream that broke; `snapshot`: bytes that are no snapshot. Of this package
 * alone: `init`, the engine is not loaded; `gone`, what was used was disposed of, or is no longer what it was;
 * `stopped`, the engine fell (a bug in it, or no more memory) and was started anew, without the wards and worlds
 * that there were.
 *
 * A value of a wrong JavaScript type is a `TypeError`.
 */
export type ErrorKind =
  | 'policies'
  | 'data'
  | 'request'
  | 'schema'
  | 'timeout'
  | 'read'
  | 'snapshot'
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

/** Whether a policy allows or denies, its id, and what its annotations say. */
export interface Policy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly rule: string | null;
  readonly description: string | null;
  readonly [more: string]: unknown;
}

/** A decision, who made it and what it was made from. */
export class Answer {
  private constructor();
  readonly allowed: boolean;
  readonly decision: 'allow' | 'deny';
  /** The version of the data. */
  readonly version: number;
  /** SHA-256 of schema and policies. */
  readonly policyHash: string;
  /** The `now` of the context, in the years 0 to 9999. */
  readonly now: Date | undefined;
  /**
   * Ids of the deciding policies, in order: the permits that allowed it or the forbids that fired. Found when first
   * asked for, together with `rules` and `errors`; of data that has changed since, they cannot be (`gone`).
   */
  readonly policies: readonly string[];
  /** The rules that these policies write down, each once. */
  readonly rules: readonly string[];
  /** Why it was denied without the policies' word, such as an entity that is not there. */
  readonly errors: readonly string[];
  toJSON(): {
    decision: 'allow' | 'deny';
    policies: readonly string[];
    rules: readonly string[];
    errors: readonly string[];
    policyHash: string;
    version: number;
    now: Date | undefined;
  };
}

/** Decisions on pairs, all made of one version of the data. */
export interface Decisions {
  /** 1 for an allow, 0 for a denial, in the order of the pairs. */
  readonly allowed: Uint8Array;
  readonly policyHash: string;
  readonly version: number;
  readonly now: Date | undefined;
}

/** One action on one record. */
export interface ActionAnswer {
  readonly action: string;
  /** Where the context held all that the action asks for. */
  readonly answer: Answer | undefined;
  /** Fields that the action's context asks for and that were not given. */
  readonly needs: readonly string[];
}

/** One condition of a policy and how it came out. */
export interface Condition {
  /** Null where it was not reached or could not be evaluated. */
  readonly holds: boolean | null;
  /** Whether it is an `unless` clause. */
  readonly negated: boolean;
  readonly name: string | null;
  readonly text: string;
  /** Where it stands in the policy's source. */
  readonly span: Span;
  readonly error: string | null;
}

/** One policy's part in a decision. */
export interface Reason {
  readonly policy: Policy;
  readonly conditions: readonly Condition[];
}

/** An answer with its reasons, for people who write policies or help those who use them. It tells everything. */
export interface Explanation {
  readonly answer: Answer;
  readonly deciding: readonly Reason[];
  /** For a denial that no policy decided: the permits that came nearest. */
  readonly nearest: readonly Reason[];
  readonly [more: string]: unknown;
}

/** Role × action × situation. */
export interface Matrix {
  readonly blocks: readonly {
    readonly resource: string;
    readonly situation: string;
    readonly rows: readonly { readonly action: string; readonly allowed: readonly string[] }[];
  }[];
}

/** A thing in the engine's memory: freed by `dispose`, by `using`, or some time after nothing refers to it. */
export interface Handle {
  /** Frees the engine's memory; what is asked afterwards is an error of kind `gone`. Again does nothing. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * A schema and its policies, parsed and validated once: make one and keep it.
 *
 * @example
 * const ward = Ward.attendance();
 * const world = World.sample(ward, { cases: 100 });
 * ward.check(world, { principal: 'User::"u00001"', action: 'viewSummary', resource: 'Case::"c0000001"' }).allowed;
 */
export class Ward implements Handle {
  /** @throws {CasewardError} of kind `policies`, with every problem. */
  constructor(sources: Sources);
  /** The rules of attendance case management, which come with this package. */
  static attendance(): Ward;
  /** The text of those rules, to change and load. */
  static attendanceSources(): { schema: string; policies: Record<string, string> };

  /** SHA-256 of schema and policies, as 64 hexadecimal digits. */
  readonly policyHash: string;
  /** Every policy, in the order of their ids. */
  policies(): Policy[];
  /** The text that a policy was read from. */
  source(id: string): string | undefined;
  /** What validation finds worth a look. */
  warnings(): Problem[];

  /**
   * Decides a request, failing closed: what names an absent entity is denied. A microsecond or less where the same
   * people and records are asked about again.
   *
   * @throws {CasewardError} of kind `request` for an action that the schema lacks, a type that it does not take, a
   * context of another shape; `schema` for a world of another schema.
   */
  check(world: World, request: Request): Answer;
  /** Whether `check` allows it. */
  allows(world: World, request: Request): boolean;
  /** Decides pair by pair, on one version of the data; an id that is not there is denied. */
  checkMany(world: World, question: ManyQuestion): Decisions;
  /** The ids of the records to which a person may do something, in the order in which the world first named them. */
  list(world: World, question: ListQuestion): string[];
  /** How many records `list` gives. */
  count(world: World, question: ListQuestion): number;
  /** What `list` gives, as a set. */
  visible(world: World, question: ListQuestion): Visible;
  /** Every action for the two types, each with its answer or with what its context still needs. */
  actions(world: World, question: ActionsQuestion): ActionAnswer[];
  /** Why, or why not? */
  explain(world: World, request: Request): Explanation;
  /** Every role, action and situation of attendance case management with its decision: ten thousand checks. */
  matrix(): Matrix;
  /** The matrix as people read it. */
  matrixText(): string;

  /** Answers as the engine's own JSON: to the byte what the command and other bindings give. */
  readonly json: {
    readonly check: (world: World, request: Request) => string;
    readonly actions: (world: World, question: ActionsQuestion) => string;
    readonly explain: (world: World, request: Request) => string;
    readonly matrix: () => string;
  };

  dispose(): void;
  [Symbol.dispose](): void;
}

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

/** The records of one type to which a person may do something, found at one version of the data. */
export class Visible implements Handle {
  private constructor();
  readonly size: number;
  has(id: string): boolean;
  /** In the order in which the world first named them. */
  ids(): string[];
  /** Their numbers in the world, ascending: what `checkMany` takes. */
  numbers(): Uint32Array;
  /** Up to `most` ids behind `cursor`; `next`, which stays valid when the data changes, is undefined at the end. */
  page(most: number, cursor?: string): { ids: string[]; next: string | undefined };
  readonly version: number;
  readonly policyHash: string;
  readonly now: Date | undefined;
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

/**
 * Loads the engine, once: in a browser from beside the package's own files unless `source` says from where. In Node it
 * is loaded by the import.
 */
export function init(
  source?: string | URL | globalThis.Request | Response | Promise<Response> | BufferSource | WebAssembly.Module,
): Promise<void>;
/** As `init`, at once, from the module's bytes or a compiled module. */
export function initSync(module: BufferSource | WebAssembly.Module): void;

/** Every problem of a schema and policies, warnings too; none where all is well. */
export function diagnose(sources: Sources): Problem[];
/**
 * Policy text in Cedar's standard layout, comments kept.
 *
 * @throws {CasewardError} of kind `policies` where the text is not policies.
 */
export function format(policies: string, name?: string): string;
/** A place in bytes of UTF-8, as problems and conditions have it, as one in the JavaScript string `source`. */
export function span(source: string, bytes: Span): Span;

/** Sizes up to which input is taken: characters of strings, bytes, pairs, cases. */
export const LIMITS: {
  readonly sources: number;
  readonly name: number;
  readonly context: number;
  readonly changes: number;
  readonly entities: number;
  readonly snapshot: number;
  readonly pairs: number;
  readonly cases: number;
};
