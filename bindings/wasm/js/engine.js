// The module: how it starts, what is kept of it, and what happens when it stops.
//
// INVARIANT: every call into the module goes through `call` or `ask`, or catches what it throws with `failed`. A panic
// or a fault leaves the module's memory in any state: nothing of it is used again, and a fresh instance takes its place.
//
// INVARIANT: nothing of the caller's runs between the look at a handle and the call that uses it. Iterables, getters and
// proxies are read out before, for they may dispose of the very thing that is asked about.

import start, * as raw from '../pkg/caseward.js';
import { CasewardError } from './errors.js';
import { described } from './plain.js';

let ready = false;
let starting;
/** Which instance is running: handles of an earlier one are gone. */
let generation = 0;
/** Who is told when the engine stops: those for whom somebody waits. */
const waiting = new Set();

/**
 * Loads the engine: in a browser from beside this file, unless `source` says from where.
 * Asking again changes nothing.
 */
export function init(source) {
  if (ready) return Promise.resolve();
  const options = source === undefined ? undefined : { module_or_path: source };
  starting ??= start(options).then(begin).catch(refuseStart).finally(() => {
    starting = undefined;
  });
  return starting;
}

/** As `init`, from the module's bytes or a compiled module. */
export function initSync(module) {
  if (ready) return;
  try {
    raw.initSync({ module });
  } catch (error) {
    refuseStart(error);
  }
  begin();
}

/** Why the engine does not start, in words that say what to do. */
function refuseStart(cause) {
  if (cause instanceof CasewardError) throw cause;
  const words = String(cause?.message ?? cause);
  // What browsers say differs, and is said of nothing else.
  const forbidden = /content security policy|blocked by csp|unsafe-eval/i.test(words);
  const why = forbidden
    ? "the page's content security policy forbids WebAssembly: allow it with `script-src 'self' 'wasm-unsafe-eval'`"
    : `the engine could not be loaded: ${words}`;
  throw new CasewardError('init', why, [], { cause });
}

function begin() {
  const [random] = crypto.getRandomValues(new BigUint64Array(1));
  raw.stir(random);
  ready = true;
}

/** Runs `work` on the module's own functions. What `work` does besides must not throw. */
export function call(work) {
  if (!ready) throw new CasewardError('init', 'the engine is not loaded: await init() first');
  try {
    return work(raw);
  } catch (error) {
    throw failed(error);
  }
}

/** Runs `work` on what one or two handles hold, which is looked up last: what else `work` takes is read by then. */
export function ask(work, first, second = undefined) {
  const of = first.raw;
  const it = second?.raw;
  return call((raw) => work(of, it, raw));
}

/** What to throw for what the module threw. */
export function failed(error) {
  if (typeof error === 'string') {
    const { kind, message, problems } = JSON.parse(error);
    return new CasewardError(kind, message, problems);
  }
  return stopped(error);
}

/** The engine fell: says why, and starts it anew. */
function stopped(cause) {
  let words = '';
  try {
    words = raw.last_words();
  } catch {
    // A module that fell hard enough does not speak.
  }
  generation += 1;
  ready = false;
  try {
    raw.__wbg_reset_state();
    begin();
  } catch {
    // Then `init` is asked for again.
  }
  const why = words || (cause?.message === 'unreachable' ? 'no more memory' : String(cause?.message ?? cause));
  const message = `the engine stopped, and was started anew; every ward and world made before is gone: ${why}`;
  const error = new CasewardError('stopped', message, [], { cause });
  for (const told of waiting) told(error);
  waiting.clear();
  return error;
}

/** Has `told` called with the error if the engine stops, until what comes back is called. */
export function onStop(told) {
  waiting.add(told);
  return () => waiting.delete(told);
}

/** How a class of this package gives its `Held`. */
export const HELD = Symbol('held');

/** The `Held` of a thing that is called `what`. */
export function heldBy(thing, what) {
  const held = typeof thing === 'object' && thing !== null ? thing[HELD] : undefined;
  if (held instanceof Held && held.what === what) return held;
  const of = what[0].toUpperCase() + what.slice(1);
  throw new TypeError(`the ${what} must be of the class ${of}, and is ${described(thing)}`);
}

/** Why nothing is to be had of a thing through a proxy: what the engine gave is not in the proxy. */
export function behindProxy(what) {
  return new TypeError(`the ${what} stands behind a proxy: give it itself (of Vue, \`toRaw\` or \`markRaw\`)`);
}

/** A thing in the module's memory, and whether it is still there. */
export class Held {
  #raw;
  #born = generation;
  #what;

  constructor(raw, what) {
    this.#raw = raw;
    this.#what = what;
  }

  /** What users call it. */
  get what() {
    return this.#what;
  }

  /** The module's own object. */
  get raw() {
    if (this.#raw === undefined) throw new CasewardError('gone', `the ${this.#what} was disposed of`);
    if (this.#born !== generation) {
      throw new CasewardError('gone', `the ${this.#what} is gone: the engine stopped and was started anew`);
    }
    return this.#raw;
  }

  /** Frees it; again does nothing. */
  dispose() {
    const raw = this.#raw;
    this.#raw = undefined;
    if (raw !== undefined && this.#born === generation) raw.free();
  }
}
