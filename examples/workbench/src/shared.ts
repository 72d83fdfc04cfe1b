// What the page and its worker say to each other. Everything here can be cloned across.

import type { Condition, Edit, Found, Instead, Need, Policy, Problem, Turn } from 'caseward';

/** An entity's name in Cedar's syntax, such as `Case::"leo-2026"`. */
export type Name = string;

/** A moment that is looked at: a step of the story, and the time of the questions where it is not the step's. */
export interface Moment {
  readonly step: number;
  readonly now: string | null;
  /** Counts what was done to the data, so that what was asked before is asked again. */
  readonly version: number;
}

/** One step of a story: what happened, when. */
export interface Step {
  readonly title: string;
  readonly text: string;
  readonly now: string;
}

/** What is open. */
export interface Opened {
  readonly title: string;
  readonly own: boolean;
  readonly steps: readonly Step[];
  readonly principals: string;
  readonly types: readonly { readonly type: string; readonly count: number }[];
  readonly policyHash: string;
  /** Whether the policies are those that come with the package. */
  readonly ours: boolean;
  readonly policyCount: number;
  /** People to begin with, and a record. */
  readonly people: readonly [Name, Name] | null;
  readonly record: Name | null;
}

/** What is to be opened. */
export type Source =
  | { readonly kind: 'story' }
  | { readonly kind: 'sample'; readonly cases: number }
  | { readonly kind: 'own'; readonly files: readonly OwnFile[] };

/** A file that somebody dropped on the page. */
export interface OwnFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Something to choose: a person or a record. */
export interface Choice {
  readonly name: Name;
  readonly title: string;
  readonly about: string;
}

/** Those that a search found, of how many, and by what they can be narrowed. */
export interface Choices {
  readonly found: readonly Choice[];
  readonly total: number;
  readonly facets: readonly string[];
  /** Whether names alone were searched, since there are many. */
  readonly names: boolean;
}

/** A column of a list on the home page, by the field of the record that it shows. */
export interface Column {
  readonly field: string;
  readonly title: string;
}

/** A section of the home page. */
export interface HomeList {
  readonly key: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly { readonly name: Name; readonly cells: readonly string[] }[];
  /** How many there are, how many the search found, and in how many it looked. */
  readonly total: number;
  readonly found: number;
  readonly searched: number;
}

/** What a person finds when they come in. */
export interface Home {
  readonly title: string;
  readonly about: string;
  readonly lists: readonly HomeList[];
  /** Students for whom a request can be started, among those that were looked at; null without such an action. */
  readonly service: { readonly students: readonly Choice[]; readonly looked: number; readonly all: number } | null;
}

/** A field of a section as it is shown. */
export interface ShownField {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  /** `absent`: there is no value. `kept`: content that no rule reads, and which this page does not have. */
  readonly state: 'value' | 'absent' | 'kept';
}

/** A section of a record as it is shown. */
export interface ShownSection {
  readonly name: string;
  readonly title: string;
  readonly fields: readonly ShownField[];
}

/** A button of a page, and what it asks for. */
export interface Button {
  readonly action: string;
  readonly title: string;
  readonly needs: readonly (Need & {
    readonly title: string;
    readonly choices: readonly Choice[];
    /** How many there are besides the choices. */
    readonly left: number;
  })[];
}

/** What can be asked about a person and a record, and what they are called. */
export interface Asks {
  readonly person: string;
  readonly record: string;
  readonly actions: readonly (Button & { readonly allowed: boolean })[];
}

/** An entry of a record. */
export interface Entry {
  readonly name: Name;
  readonly kind: string;
  readonly title: string;
  readonly text: string;
  readonly at: string;
  readonly by: string;
  readonly more: readonly ShownField[];
  readonly actions: readonly Button[];
}

/** The page of a record as a person has it. */
export interface RecordPage {
  readonly name: Name;
  readonly title: string;
  /** False where the record is not there, or not to be seen: the person cannot tell which. */
  readonly known: boolean;
  readonly sections: readonly ShownSection[];
  readonly entries: readonly Entry[];
  readonly actions: readonly Button[];
  readonly related: readonly HomeList[];
}

/** Something that a person does not get, for the author: by which rule not. */
export interface Withheld {
  readonly what: string;
  readonly action: string;
  readonly resource: Name;
  readonly decision: 'allow' | 'deny';
  readonly because: readonly { readonly rule: string; readonly forbids: boolean; readonly failed: readonly string[] }[];
  /** How many other permits there are that could apply to these types. */
  readonly more: number;
  /** Whether it asks for more than the time, and is denied whatever that is. */
  readonly whatever: boolean;
}

/** What a person gained or lost since the step before. */
export interface Change {
  readonly record: Name;
  readonly title: string;
  readonly gained: readonly Difference[];
  readonly lost: readonly Difference[];
}

/** A decision that is another one now. */
export interface Difference {
  readonly action: string;
  readonly title: string;
  readonly rules: readonly string[];
  /** For a loss: which condition fails now. */
  readonly failed: string | null;
}

/** Why something is allowed or denied. */
export interface Why {
  readonly allowed: boolean;
  readonly rules: readonly string[];
  readonly errors: readonly string[];
  readonly story: readonly string[];
  readonly deciding: readonly { readonly policy: Policy; readonly conditions: readonly Condition[] }[];
  readonly failed: readonly { readonly policy: Policy; readonly conditions: readonly Condition[] }[];
  readonly nearest: readonly { readonly policy: Policy; readonly conditions: readonly Condition[] }[];
  readonly more: number;
  readonly turn: Turn;
  readonly instead: Instead | null;
  readonly version: number;
  readonly policyHash: string;
  readonly now: string | null;
  /** What the entities that it speaks of are called. */
  readonly names: Readonly<Record<Name, string>>;
}

/** A case as a file: where it belongs in a folder of policies, its name, and its text. */
export interface MadeCase {
  readonly folder: 'ALLOW' | 'DENY';
  readonly name: string;
  readonly text: string;
}

/** People with the same way to a record. */
export interface Group {
  readonly key: string;
  readonly rules: readonly { readonly rule: string; readonly policy: string; readonly description: string }[];
  /** From the people to the record: who or what stands where, and what leads on from there. */
  readonly steps: readonly { readonly name: Name | null; readonly title: string; readonly by: string }[];
  readonly people: readonly Choice[];
}

/** Who may do something to a record. */
export interface Who {
  readonly action: string;
  readonly record: Name;
  readonly title: string;
  readonly total: number;
  readonly groups: readonly Group[];
}

/** Role by action by situation. */
export interface Grid {
  readonly roles: readonly { readonly id: string; readonly title: string }[];
  readonly blocks: readonly {
    readonly resource: string;
    readonly situation: string;
    readonly rows: readonly { readonly action: string; readonly allowed: readonly string[] }[];
  }[];
  /** Cells of the edited policies that differ, as `block/action/role`, and what they are now. */
  readonly changed: Readonly<Record<string, 'gained' | 'lost'>> | null;
}

/** What an edit changes in the data that is open. */
export interface Delta {
  readonly gained: readonly DeltaLine[];
  readonly lost: readonly DeltaLine[];
  /** What was compared. */
  readonly people: number;
  readonly ofPeople: number;
  readonly questions: number;
  /** Actions that could not be compared: their context asks for more than the time. */
  readonly left: readonly string[];
  /** Decisions that differ, before lines were cut. */
  readonly total: number;
  readonly stopped: boolean;
}

/** One person, one action, and the records that are new or gone. */
export interface DeltaLine {
  readonly person: string;
  readonly roles: string;
  readonly action: string;
  readonly records: readonly string[];
  readonly count: number;
  readonly rules: readonly string[];
}

export type { Condition, Edit, Found, Need, Problem };
