// What is asked.

import type { Asked, Uid } from './values.js';

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

/** In which order are records listed, and which of them? */
export interface Order {
  /**
   * The path of an attribute, such as `openedAt` or `student.yearLevel`; the world's order where it is left out. Records without
   * a value come last, whichever way the list is turned.
   */
  readonly by?: string | undefined;
  /** Turned; false unless told. */
  readonly descending?: boolean | undefined;
  /**
   * Conditions, all of which must hold, 16 at most: `status=open`, `openedAt>=2026-02-16T00:00:00+13:00`,
   * `openedAt<2026-02-16T00:00:00+13:00`, `id^=nga` for a beginning, `caseManager=` where there is none.
   */
  readonly where?: Iterable<string> | undefined;
}

/** To which records of a type may `principal` do `action`, in which order and by which conditions? */
export interface SortedQuestion extends ListQuestion, Order {}

/** Which records of a type come into the sight of `principal` for `action`, and go out of it? */
export interface WatchQuestion extends ListQuestion {
  /** The time at which all of it is looked at, until `tick` says another. The clock's at each look, where it is left out. */
  readonly now?: Date | undefined;
  /** How many changes may wait to be taken: 1,024 unless told. */
  readonly waiting?: number | undefined;
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
