// Types of the package `caseward`. Checked against real uses by `test/types`.

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

/** May `principal` do `action` to `resource`? */
export interface Request extends Asked {
  readonly principal: Uid;
  /** The action's id, such as `viewSummary`, or its whole name, such as `Action::"viewSummary"`. */
  readonly action: string;
  readonly resource: Uid;
}

/** To which records of a type may `principal` do `action`? */
export interface ListQuestion extends Asked {
  readonly principal: Uid;
  readonly action: string;
  /** The type of the records, such as `Case`. */
  readonly type: string;
}

/** Whose SQL, and where its tables hold what the schema speaks of. */
export interface Database {
  readonly dialect: 'postgres' | 'sqlite' | 'duckdb' | 'spark';
  /** In TOML; tables and columns are in snake_case where it says nothing. */
  readonly mapping?: string;
}

/** How a filter is written into a query that has more in it. */
export interface FilterOptions {
  /** The number of the first parameter: 1 unless told. */
  readonly firstParameter?: number;
  /**
   * How parameters are written: as the dialect has them unless told. `?` and `%s` have no numbers: values are given in the
   * order in which they stand.
   */
  readonly parameterStyle?: '$1' | '?' | '?1' | ':1' | ':p1' | '%s' | '%(p1)s';
  /** What the query calls the row: the mapping's alias or the table's name unless told. */
  readonly alias?: string;
}

/** A value that a statement is given: of a `bigint`, a bigint where a number does not hold it exactly. */
export type Parameter =
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'bigint'; readonly value: number | bigint }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'boolean_list'; readonly value: readonly (boolean | null)[] }
  | { readonly type: 'bigint_list'; readonly value: readonly (number | bigint | null)[] }
  | { readonly type: 'text_list'; readonly value: readonly (string | null)[] };

/** A condition for the `WHERE` of a query: true for the rows that the person may do the action to. */
export interface Filter {
  readonly dialect: Database['dialect'];
  /** Temporary views that are to be made before it runs: for Spark, whose parameters are single values. */
  readonly setup: readonly {
    readonly view: string;
    readonly columns: readonly { readonly name: string; readonly type: string }[];
    readonly rows: readonly (readonly (Parameter | null)[])[];
  }[];
  /** Never empty: `FALSE` where nothing is allowed, `TRUE` where everything is. */
  readonly sql: string;
  /** The values of its parameters, in the order of their numbers, or in that in which they stand where they have none. */
  readonly params: readonly Parameter[];
  /** How each of them is written in the condition. */
  readonly signs: readonly string[];
  readonly policyHash: string;
  /** The version of the data that the person's own facts were read from. */
  readonly version: number;
  /** The first instant for which it holds; undefined for any. */
  readonly validFrom: Date | undefined;
  /** The last such instant. */
  readonly validUntil: Date | undefined;
}

/** What may `principal` do to `resource`? The context holds fields for any of the actions; each takes those it knows. */
export interface ActionsQuestion extends Asked {
  readonly principal: Uid;
  readonly resource: Uid;
}

/** May each of these people do this to each of those records, pair by pair? */
export interface ManyQuestion extends Asked {
  readonly principalType: string;
  /** Ids, or numbers as `World.numbers` gives them; one stands for as many as there are resources. */
  readonly principals: string | Iterable<string> | Uint32Array;
  readonly action: string;
  readonly resourceType: string;
  /** As `principals`. */
  readonly resources: string | Iterable<string> | Uint32Array;
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
  /** What of each record is shown with which action, in TOML: for `Ward.view`. That of the rules with their schema. */
  readonly catalogue?: string | undefined;
}

/** Who of `type` may do `action` to `resource`? */
export interface WhoQuestion extends Asked {
  readonly resource: Uid;
  readonly action: string;
  /** The type of those who are looked for, such as `User`. */
  readonly type: string;
}

/** Who of `type` is told of what happens to `resource`, or to an entry of it? */
export interface AlertQuestion {
  readonly resource: Uid;
  readonly entry?: Uid;
  readonly type: string;
  readonly now?: Date;
}

/** How records are counted. */
export interface Grouping {
  /** Paths of attributes such as `student.enrolledAt`, or periods such as `month of openedAt`. */
  readonly by: Iterable<string>;
  /** The time zone of periods: `UTC`, or a rule as in POSIX's `TZ`. New Zealand's, where left out. */
  readonly zone?: string;
  /**
   * So that counts tell of nobody: those below a number are left out, and others with them; or all are rounded at
   * random, by a secret key of 16 bytes or more. Counts are exact where it is left out, and nowhere else: anything but one
   * of the two, `undefined` too, is an error.
   */
  readonly protect?:
    | { readonly below: number; readonly key?: never }
    | { readonly key: Uint8Array | string; readonly below?: never };
}

/** How many records may `principal` do `action` to, by group? */
export interface CountQuestion extends ListQuestion, Grouping {}

/** A report of attendance case management. */
export interface ReportQuestion extends Grouping {
  readonly principal: Uid;
  /**
   * `caseload`, `school`, `provider`, `national`, `performance`, `anonymised` or `prosecutions`. Without one, the error
   * tells what each is about.
   */
  readonly kind: string;
  /** Which report, where the person may see several of the kind. */
  readonly report?: Uid;
  readonly now?: Date;
}

/** Tables of one kind of report that are published together. */
export interface ReleaseQuestion {
  readonly principal: Uid;
  /**
   * In TOML: a `name`, a `kind` of report in aggregate, `below`, the smallest count that is told (6 where it is left out),
   * and `[[tables]]`, each with what it is grouped `by` and a `name` where wanted.
   */
  readonly release: string;
  /** Which report, where the person may see several of the kind. */
  readonly report?: Uid;
  readonly now?: Date;
  /** Rounds all counts at random by a secret key of 16 bytes or more, instead of leaving small ones out. */
  readonly protect?: { readonly key: Uint8Array | string };
}

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

/** Whether a policy allows or denies, its id, and what its annotations say. */
export interface Policy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly rule: string | null;
  readonly description: string | null;
  readonly [more: string]: unknown;
}

/**
 * A decision, who made it and what it was made from. It is an object, and so true in every `if`: ask `allowed`, or ask
 * `Ward.allows` instead. Compared with anything (`answer == true`) it throws.
 */
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

/** A field of a context on which an action depends. */
export interface Need {
  readonly field: string;
  /** Its type, as the schema has it. */
  readonly type: string;
  /** Whether the action asks for it in any case. */
  readonly required: boolean;
  /** The values with which the action can be allowed; null where they were not gone through. */
  readonly values: readonly Found[] | null;
}

/** One action on one record. */
export interface ActionAnswer {
  readonly action: string;
  /** Whether it is known to be allowed. */
  readonly allowed: boolean;
  /** Where it is allowed as it is, or nothing that the context could still be given would change it. */
  readonly answer: Answer | undefined;
  /** What the action's context needs, where it depends on that. */
  readonly needs: readonly Need[];
}

/** Somebody who may do something to a record, and why. */
export interface Granted {
  /** In Cedar's syntax. */
  readonly principal: string;
  readonly policies: readonly string[];
  readonly rules: readonly string[];
}

/** What one person sees of one record: this may reach the person. One that they may not know of looks absent. */
export interface View {
  /** In Cedar's syntax. */
  readonly resource: string;
  readonly sections: readonly Section[];
  /** Names of the sections that are not shown. */
  readonly withheld: readonly string[];
  /** Entries of the record that are shown. */
  readonly items: readonly {
    readonly resource: string;
    readonly sections: readonly Section[];
    readonly withheld: readonly string[];
    readonly actions: readonly Next[];
  }[];
  /** What the person may do next. */
  readonly actions: readonly Next[];
  readonly policyHash: string;
  readonly version: number;
  readonly now: Date | undefined;
}

/** A section of a record that is shown. */
export interface Section {
  readonly name: string;
  readonly fields: readonly {
    /** With the reference that leads to it, as in `student.name`. */
    readonly name: string;
    /** The entity that has it, in Cedar's syntax. */
    readonly of: string;
    /** Whether it is content that no rule reads, which the service fills in from its own store. */
    readonly content: boolean;
    /** Null where the world has none. */
    readonly value: Found | null;
  }[];
}

/** An action that a person may take next. */
export interface Next {
  readonly action: string;
  /** What its context still needs. */
  readonly needs: readonly Need[];
}

/** A value in an explanation: it, cut where it is long; or that there is none, none to be had, none to be seen. */
export type Shown =
  | { readonly value: Found; readonly left_out?: number }
  | { readonly absent: true }
  | { readonly failed: string }
  | { readonly withheld: true };

/** What a test compares. */
export interface Operand extends Place {
  readonly text: string;
  readonly span: Span;
  /** Null where the text says it. */
  readonly value: Shown | null;
  /** For a value that is computed: what is read for it. */
  readonly read: readonly Operand[];
}

/** One condition of a policy, or a part of one, and how it came out. */
export interface Condition extends Place {
  /** Null where it has no value, is withheld, or is only looked at once others hold. */
  readonly holds: boolean | null;
  /** Whether the viewer may not see how it came out. */
  readonly withheld: boolean;
  readonly error: string | null;
  /** What its clause asks, from the comment above the clause. */
  readonly name: string | null;
  /** Whether its clause is an `unless`. */
  readonly negated: boolean;
  readonly text: string;
  /** Where it stands in the policy's source. */
  readonly span: Span;
  readonly made_of: 'all' | 'any' | 'not' | 'if' | 'test';
  readonly parts: readonly Condition[];
  /** For a test: what it found, in words. */
  readonly found: string | null;
  /** For a test: what it compared. */
  readonly operands: readonly Operand[];
}

/** The smallest change of facts that would turn a decision. */
export type Turn =
  | { readonly outcome: 'found'; readonly edits: readonly Edit[] }
  | { readonly outcome: 'kept'; readonly facts: readonly Kept[] }
  | { readonly outcome: 'none_found' | 'gave_up' | 'withheld' | 'not_sought' };

/** One change of one fact. */
export interface Edit {
  /** In Cedar's syntax; null for the context. */
  readonly entity: string | null;
  /** The attribute, the tag or the field of the context, and the fields within it. */
  readonly path: readonly string[];
  readonly is_tag: boolean;
  readonly do: 'set' | 'remove' | 'add' | 'take';
  readonly value: Shown | null;
  readonly now: Shown;
}

/** A fact on which a decision hangs, where nothing that can be proposed turns it. */
export interface Kept {
  /** In Cedar's syntax; null for the context. */
  readonly entity: string | null;
  readonly path: readonly string[];
  readonly is_tag: boolean;
  readonly now: Shown;
  /** Who sets it, as the catalogue has it. */
  readonly set_by: string | null;
}

/** Who may do what somebody may not. */
export interface Instead {
  readonly count: number;
  /** A few of them, in Cedar's syntax. */
  readonly people: readonly string[];
  /** By policy; empty where they are too many to be told apart. */
  readonly by: readonly {
    readonly policy: string;
    readonly rule: string | null;
    readonly description: string | null;
    readonly count: number;
  }[];
}

/** One policy's part in a decision. */
export interface Reason {
  readonly policy: Policy;
  readonly conditions: readonly Condition[];
}

/** An answer with its reasons. Without a viewer it tells everything, and is for trusted callers. */
export interface Explanation {
  readonly answer: Answer;
  /** Who asks what about what, a sentence each. */
  readonly story: readonly string[];
  /** The policies that decided it. */
  readonly deciding: readonly Reason[];
  /** The policies that could not be evaluated. */
  readonly failed: readonly Reason[];
  /** For a denial that no policy decided: the permits that came nearest, those for a role of the person's first. */
  readonly nearest: readonly Reason[];
  /** Permits that could apply to these types and are not shown. */
  readonly more: number;
  /** Whether more was to be said that the viewer may not see. */
  readonly withheld: boolean;
  readonly turn: Turn;
  /** For a denial: who could do it instead; null where the viewer may not see that. */
  readonly instead: Instead | null;
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
 * if (ward.allows(world, { principal: 'User::"u00001"', action: 'viewSummary', resource: 'Case::"c0000001"' })) { … }
 */
export class Ward implements Handle {
  /** @throws {CasewardError} of kind `policies`, with every problem. */
  constructor(sources: Sources);
  /** The rules of attendance case management, which come with this package. */
  static attendance(): Ward;
  /** The text of those rules, to change and load. */
  static attendanceSources(): { schema: string; policies: Record<string, string>; catalogue: string };

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
   * @throws {CasewardError} of kind `request` for an action or a type that the schema lacks, a type that the action
   * does not take, a context of another shape, a key that no question has; `schema` for a world of another schema.
   */
  allows(world: World, request: Request): boolean;
  /** As `allows`, with who decided and what it was made from. */
  answer(world: World, request: Request): Answer;
  /**
   * What `allows` and `answer` were: `if (ward.check(…))` was true for everybody.
   *
   * @deprecated It throws.
   */
  readonly check: never;
  /** Decides pair by pair, on one version of the data; an id that is not there is denied. */
  checkMany(world: World, question: ManyQuestion): Decisions;
  /** The ids of the records to which a person may do something, in the order in which the world first named them. */
  list(world: World, question: ListQuestion): string[];
  /** How many records `list` gives. */
  count(world: World, question: ListQuestion): number;
  /** What `list` gives, as a set. */
  visible(world: World, question: ListQuestion): Visible;
  /**
   * Every action for the two types, each with its answer or with what its context still needs. For trusted callers: it
   * tells a denied record from one that is not there. What a person may do next is told to them by `view`.
   */
  actions(world: World, question: ActionsQuestion): ActionAnswer[];
  /**
   * Why, or why not, and what would turn it? For trusted callers; with a `viewer`, for that person, from whom it
   * withholds what they may not see. Of somebody else's request they are told only if they may see who may do what to
   * the record (what `unlocks` in the catalogue names); else it throws, the same whatever the record is and however it
   * is decided.
   */
  explain(world: World, request: Request & { readonly viewer?: Uid }): Explanation;
  /** What may this person see of that record, and do next? The one answer that may reach the person. */
  view(world: World, question: ActionsQuestion): View;
  /** The ids of those who may do something to a record, in the order in which the world first named them. */
  who(world: World, question: WhoQuestion): string[];
  /** As `who`, each with the policies that permit it. */
  whoWithReasons(world: World, question: WhoQuestion): Granted[];
  /** The ids of those who are told of what happens to a record, and may see it. */
  alert(world: World, question: AlertQuestion): string[];
  /**
   * How many records a person may do something to, by group, with all totals.
   *
   * @throws {CasewardError} of kind `request` also for a group that the person may not see of every one of them.
   */
  countBy(world: World, question: CountQuestion): Table;
  /**
   * A report; undefined where the person may not have it, or it is not there. Reports that cover cases in aggregate
   * only (`performance`, `anonymised`) are protected, below 6 unless told otherwise, and by New Zealand's calendar; the
   * others are grouped by what the person may see of each case.
   */
  report(world: World, question: ReportQuestion): Table | undefined;
  /**
   * The tables of a release, protected as one, so that none of them tells what another leaves out; each says in
   * `release` what it was protected with. Undefined where the person may not have such a report, or it is not there.
   */
  release(world: World, question: ReleaseQuestion): Table[] | undefined;
  /**
   * The same records as `list` gives, as a condition for one's own query. Of the world it reads what the person has
   * alone; everything else the database looks at when it runs it.
   *
   * @throws {CasewardError} of kind `mapping` for a mapping that does not fit the schema, with every problem;
   * `untranslatable` for what a database cannot answer exactly, naming the policy.
   */
  filter(world: World, question: ListQuestion & Database & FilterOptions): Filter;
  /** The statements that make the tables which filters speak of, with indices. */
  tables(database: Database): string[];
  /** The start of a query for the ids of a type's rows, to which ` WHERE ` and a filter are put. */
  select(type: string, database: Database): string;
  /** Every role, action and situation of attendance case management with its decision: ten thousand checks. */
  matrix(): Matrix;
  /** The matrix as people read it. */
  matrixText(): string;

  /** Answers as the engine's own JSON: to the byte what the command and other bindings give. */
  readonly json: {
    readonly answer: (world: World, request: Request) => string;
    readonly actions: (world: World, question: ActionsQuestion) => string;
    readonly explain: (world: World, request: Request & { readonly viewer?: Uid }) => string;
    readonly view: (world: World, question: ActionsQuestion) => string;
    readonly whoWithReasons: (world: World, question: WhoQuestion) => string;
    readonly countBy: (world: World, question: CountQuestion) => string;
    readonly filter: (world: World, question: ListQuestion & Database & FilterOptions) => string;
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
