// Why, or why not.

import type { Answer, Policy } from './answers.js';
import type { Place, Span } from './errors.js';
import type { Found } from './values.js';

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
