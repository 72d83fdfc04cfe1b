// What decides often: one principal type, action and resource type, entities by number.

import { Held, call, failed } from './engine.js';
import { LIMITS, encodeRecord, moment } from './values.js';

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
  #give(context, now) {
    const json = context === undefined ? '{}' : encodeRecord(context, 'the context', LIMITS.context);
    // Looked at also where the action has no use for it.
    const given = moment(now);
    // A `now` in Cedar's own JSON stays what the context says, which an instant cannot always hold.
    const at = this.#takesNow && context?.now === undefined ? given : undefined;
    if (json === this.#json && at === this.#now) return true;
    const of = this.#held.raw;
    this.#json = undefined;
    try {
      call(() => of.set_context(json, at ?? 0));
    } catch (error) {
      if (error.kind === 'request') return false;
      throw error;
    }
    this.#json = json;
    this.#now = at;
    return true;
  }

  /** The version of the data, doubled, and one more for an allow; undefined for a context of another shape. */
  decide(principal, resource, context, now) {
    const of = this.#held.raw;
    if (!this.#give(context, now)) return undefined;
    try {
      return of.decide(principal, resource);
    } catch (error) {
      throw failed(error);
    }
  }

  /** As `decide`, columns of numbers: 1 for an allow. */
  decideMany(principals, resources, context, now) {
    const of = this.#held.raw;
    if (!this.#give(context, now)) return undefined;
    return call(() => of.decide_many(principals, resources));
  }

  dispose() {
    this.#held.dispose();
  }
}
