// Types of the package `caseward`: the functions beside the classes, and, from `types/`, everything else. Checked against real
// uses by `test/types`.

import type { Problem, Span } from './types/errors.js';
import type { Sources } from './types/questions.js';

export * from './types/values.js';
export * from './types/questions.js';
export * from './types/answers.js';
export * from './types/explanation.js';
export * from './types/filter.js';
export * from './types/found.js';
export * from './types/ward.js';
export * from './types/world.js';
export * from './types/errors.js';

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
