// Decisions, and what follows from them.

import type { Found } from './values.js';

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

/** Role × action × situation. */
export interface Matrix {
  readonly blocks: readonly {
    readonly resource: string;
    readonly situation: string;
    readonly rows: readonly { readonly action: string; readonly allowed: readonly string[] }[];
  }[];
}
