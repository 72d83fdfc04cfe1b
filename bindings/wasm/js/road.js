// What decides often: one principal type, action and resource type, entities by number.

import { Held, call, failed } from './engine.js';

/** Prepared decisions of one ward on one world. */
export class Road {
  #held;
  /** Whether the action's context takes a `now`. */
  #takesNow;
  /** The context that it was last given. */
  #json;
  /** The time that was given beside it. */
  #at;
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

  /** The instant that the last decision was made with, in milliseconds, wherever it was given; undefined where the action
   * takes none. */
  get now() {
    return this.#now;
  }

  /** The context of the last decision, as JSON. */
  get json() {
    return this.#json;
  }

  /** Takes the circumstances of a question over; false where they are none for this action. */
  #give(of, { json, at: given, timed }) {
    // A `now` in Cedar's own JSON stays what the context says, which an instant cannot always hold.
    const at = this.#takesNow && !timed ? given : undefined;
    if (json === this.#json && at === this.#at) return true;
    this.#json = undefined;
    try {
      this.#now = call(() => of.set_context(json, at ?? 0));
    } catch (error) {
      if (error.kind === 'request') return false;
      throw error;
    }
    this.#json = json;
    this.#at = at;
    return true;
  }

  /** The version of the data, doubled, and one more for an allow; undefined for a context of another shape. */
  decide(principal, resource, circumstances) {
    const of = this.#held.raw;
    if (!this.#give(of, circumstances)) return undefined;
    try {
      return of.decide(principal, resource);
    } catch (error) {
      throw failed(error);
    }
  }

  /** As `decide`, columns of numbers: 1 for an allow. */
  decideMany(principals, resources, circumstances) {
    const of = this.#held.raw;
    if (!this.#give(of, circumstances)) return undefined;
    return call(() => of.decide_many(principals, resources));
  }

  dispose() {
    this.#held.dispose();
  }
}
