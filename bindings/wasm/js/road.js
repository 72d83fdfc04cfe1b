// What decides often: one principal type, action and resource type, entities by number.

import { Held, call, failed } from './engine.js';
import { LIMITS, encodeRecord, instant } from './values.js';

/** Prepared decisions of one ward on one world. */
export class Road {
  #held;
  /** Whether the action's context takes a `now`. */
  #takesNow;
  /** The context that it was last given. */
  #json;
  #now;

  /** Nothing where the question makes no sense: who asks it in full is told why. */
  static find(ward, world, principalType, action, resourceType) {
    try {
      return new Road(call((raw) => new raw.Decider(ward, world, principalType, action, resourceType)));
    } catch (error) {
      if (error.kind === 'request' || error.kind === 'schema') return undefined;
      throw error;
    }
  }

  constructor(raw) {
    this.#held = new Held(raw, 'decider');
    this.#takesNow = call(() => raw.takes_now());
  }

  /** The instant that the last decision was made with, in milliseconds; undefined where the action takes none. */
  get now() {
    return this.#now;
  }

  /** The context of the last decision, as JSON. */
  get json() {
    return this.#json;
  }

  /** Takes a context over; false where it is none for this action. */
  #give(context) {
    const { json, now } = this.#read(context);
    if (json === this.#json && now === this.#now) return true;
    const of = this.#held.raw;
    this.#json = undefined;
    try {
      call(() => of.set_context(json, now ?? 0));
    } catch (error) {
      if (error.kind === 'request') return false;
      throw error;
    }
    this.#json = json;
    this.#now = now;
    return true;
  }

  #read(context) {
    if (!this.#takesNow) return { json: encodeRecord(context, 'the context', LIMITS.context), now: undefined };
    if (context === undefined) return { json: '{}', now: Date.now() };
    const { now } = context;
    if (!(now instanceof Date)) {
      const json = encodeRecord(context, 'the context', LIMITS.context);
      // Whatever else is called `now` is for the engine to read or refuse.
      return { json, now: now === undefined ? Date.now() : undefined };
    }
    // The usual case: nothing but the time.
    if (Object.keys(context).length === 1) return { json: '{}', now: instant(now, '`now`') };
    const { now: _, ...rest } = context;
    return { json: encodeRecord(rest, 'the context', LIMITS.context), now: instant(now, '`now`') };
  }

  /** The version of the data, doubled, and one more for an allow; undefined for a context of another shape. */
  decide(principal, resource, context) {
    const of = this.#held.raw;
    if (!this.#give(context)) return undefined;
    try {
      return of.decide(principal, resource);
    } catch (error) {
      throw failed(error);
    }
  }

  /** As `decide`, columns of numbers: 1 for an allow. */
  decideMany(principals, resources, context) {
    const of = this.#held.raw;
    if (!this.#give(context)) return undefined;
    return call(() => of.decide_many(principals, resources));
  }

  dispose() {
    this.#held.dispose();
  }
}
