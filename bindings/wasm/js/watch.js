// What comes into a person's sight and goes out of it.
//
// INVARIANT: the list of the beginning, with everything that was told of since, is the list at the version of what was told
// of last. Nothing is left out: a watch of which too much waits, or that cannot be followed, says so, and ends.

import { HELD, Held, ask, behindProxy, call, onStop } from './engine.js';
import { CasewardError, refuse } from './errors.js';
import { moment, shown, split } from './values.js';
import { FOLLOW, WATCHES } from './world.js';

/** The records of one type to which a person may do something, followed: an async iterator of what changes of them. */
export class Watch {
  /** The ids of what was seen when it began, in the world's order. */
  first;
  /** The version of the data then. */
  version;
  #held;
  #world;
  /** The time at which it looks; undefined for the clock's. */
  #at;
  #most;
  /** Changes that wait to be taken, or those who wait for one. */
  #seen = [];
  #takers = [];
  /** Whether nothing more will be seen, and why, where that is an error that nobody was told yet. */
  #hasEnded = false;
  #error;
  #forget;

  /** @private What the engine follows of a world. */
  constructor(raw, world, { waiting, at }) {
    this.#held = new Held(raw, 'watch');
    this.#world = world;
    this.#at = at;
    this.#most = waiting;
    if (world[WATCHES] === null) {
      this.#held.dispose();
      throw refuse('a world that is seen through changes is not followed: watch the world that applies them');
    }
    this.first = split(call(() => raw.ids()));
    this.version = call(() => raw.version());
    world[WATCHES].add(this);
    this.#forget = onStop((error) => this.#end(error));
  }

  /** @private */
  get [HELD]() {
    if (!(#held in this)) throw behindProxy('watch');
    return this.#held;
  }

  /** Looks again, at the clock's time or at `now`: what time alone changed is told of as a batch is. Where the question said
   * a time, it is this one from here on. */
  tick(now = undefined) {
    const held = this[HELD];
    if (this.#hasEnded) throw new CasewardError('gone', 'the watch has ended');
    const at = moment(now);
    if (this.#at !== undefined) this.#at = at;
    this.#look(held, false, at);
  }

  /** The next change, when it comes. */
  next() {
    if (!(#held in this)) return Promise.reject(behindProxy('watch'));
    if (this.#seen.length > 0) return Promise.resolve({ value: this.#seen.shift(), done: false });
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#hasEnded) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => {
      this.#takers.push({ resolve, reject });
    });
  }

  /** Ends it, as leaving a `for await` does. */
  return(value = undefined) {
    this.dispose();
    return Promise.resolve({ value, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** Ends it, and frees the engine's memory: what waited is dropped, and whoever waits is given nothing more. Again does
   * nothing. */
  dispose() {
    if (!(#held in this)) throw behindProxy('watch');
    this.#seen = [];
    this.#error = undefined;
    this.#end(undefined);
  }

  /** @private Follows the batch that its world has applied. */
  [FOLLOW]() {
    this.#look(this.#held, true, this.#at ?? Date.now());
  }

  #look(held, isBatch, at) {
    try {
      const json = ask((of, it) => of.follow(it, isBatch, at), held, this.#world[HELD]);
      if (json === undefined) return;
      const [came, went] = JSON.parse(json);
      this.#tell({ version: call(() => held.raw.version()), now: shown(at), came, went });
    } catch (error) {
      // Nobody is told of what is not known.
      this.#end(error);
    }
  }

  #tell(seen) {
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker.resolve({ value: seen, done: false });
    } else if (this.#seen.length < this.#most) {
      this.#seen.push(seen);
    } else {
      this.#end(new CasewardError('gone', `more than the ${this.#most} changes that may wait came and were not taken: watch anew`));
    }
  }

  #end(error) {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#forget?.();
    this.#world[WATCHES].delete(this);
    this.#held.dispose();
    const takers = this.#takers;
    this.#takers = [];
    // One of those who wait is told why; the others, and whoever asks later, that it has ended.
    const told = error === undefined ? undefined : takers.shift();
    told?.reject(error);
    if (told === undefined) this.#error = error;
    for (const taker of takers) taker.resolve({ value: undefined, done: true });
  }
}

if (Symbol.dispose !== undefined) {
  Watch.prototype[Symbol.dispose] = Watch.prototype.dispose;
}
