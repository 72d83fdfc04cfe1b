// Policies, and the questions that they answer.

import type { ActionAnswer, Answer, Decisions, Granted, Matrix, Policy, View } from './answers.js';
import type { Problem } from './errors.js';
import type { Explanation } from './explanation.js';
import type { Database, Filter, FilterOptions } from './filter.js';
import type { Handle, Sorted, Table, Visible, Watch } from './found.js';
import type { ActionsQuestion, AlertQuestion, CountQuestion, ListQuestion, ManyQuestion, ReleaseQuestion, ReportQuestion, Request, SortedQuestion, Sources, WatchQuestion, WhoQuestion } from './questions.js';
import type { Uid } from './values.js';
import type { World } from './world.js';

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
   * What `list` gives, in an order and by conditions, page by page. By what the person may not see of every record of the list
   * nothing is sorted or filtered.
   *
   * @throws {CasewardError} of kind `request` also for a path that the schema lacks, that leads through sets or to what has
   * no order, for a text that is no condition or a value that is none of the field's type, and for a field that the person
   * may not see of every record of the list.
   */
  sorted(world: World, question: SortedQuestion): Sorted;
  /**
   * What `list` gives, followed: what comes into a person's sight and goes out of it with each batch that the world applies,
   * worked out from the batch and not by listing again, unless the batch changed what the policies leave for the person.
   * Time that passes shows with the next batch or with `tick`. A world that `with` gave is not followed (`request`).
   *
   * @example
   * for await (const { came, went } of ward.watch(world, { principal, action: 'viewSummary', type: 'Case' })) { … }
   */
  watch(world: World, question: WatchQuestion): Watch;
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
