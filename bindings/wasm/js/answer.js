// Answers to a check.

import { shown } from './values.js';

/** A decision, who made it and what it was made from. */
export class Answer {
  /** Whether it is an allow. */
  allowed;
  /** The version of the data that it was made from. */
  version;
  /** SHA-256 of schema and policies. */
  policyHash;
  #now;
  /** The rest of it, or how to ask for it. */
  #rest;

  /** @private */
  constructor(allowed, version, policyHash, now, rest) {
    this.allowed = allowed;
    this.version = version;
    this.policyHash = policyHash;
    this.#now = now;
    this.#rest = rest;
  }

  /** @private An answer as the engine writes it. */
  static of(answer) {
    const { decision, version, policy_hash: hash, now } = answer;
    return new Answer(decision === 'allow', version, hash, now === null ? undefined : Date.parse(now), answer);
  }

  /** `allow` or `deny`. */
  get decision() {
    return this.allowed ? 'allow' : 'deny';
  }

  /** The `now` of the context. */
  get now() {
    return shown(this.#now);
  }

  /** Ids of the deciding policies, in order; none where nothing permitted it. */
  get policies() {
    return this.#reasons.policies;
  }

  /** The rules that these policies write down, each once. */
  get rules() {
    return this.#reasons.rules;
  }

  /** Why it was denied without the policies' word. */
  get errors() {
    return this.#reasons.errors;
  }

  get #reasons() {
    if (typeof this.#rest === 'function') this.#rest = this.#rest(this.version);
    return this.#rest;
  }

  /** `allow` or `deny`, in a text; compared with anything it is loud, since an object is none of it. */
  [Symbol.toPrimitive](hint) {
    if (hint === 'string') return this.decision;
    throw new TypeError('an answer is neither true nor false: ask its `allowed`');
  }

  /** All of it, for `JSON.stringify`. */
  toJSON() {
    const { decision, policies, rules, errors, policyHash, version, now } = this;
    return { decision, policies, rules, errors, policyHash, version, now };
  }
}
