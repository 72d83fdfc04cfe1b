// Values between JavaScript and Cedar's JSON.

import { call } from './engine.js';
import { CasewardError, refuse } from './errors.js';

// Sizes up to which input is taken, in UTF-16 units for strings and bytes otherwise. What policies may be is for
// core to say: 1 MiB a text, and its nesting.
const MIB = 1 << 20;
export const LIMITS = Object.freeze({
  sources: 64 * MIB,
  name: MIB,
  context: 16 * MIB,
  changes: 256 * MIB,
  entities: 1024 * MIB,
  snapshot: 1024 * MIB,
  pairs: 50_000_000,
  cases: 2_000_000,
});
/** Records, sets and lists within one another. */
const DEPTH = 64;

// What Cedar's datetime has text for: the years 0 to 9999.
const FIRST = Date.UTC(2000, 0, 1) - 730_485 * 86_400_000;
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

/** A text that can cross over: well-formed, and no longer than `limit`. */
export function text(value, what, limit = LIMITS.name, kind = 'request') {
  if (typeof value !== 'string') throw new TypeError(`${what} must be a string`);
  if (value.length > limit) {
    throw new CasewardError(kind, `${what} has ${value.length} characters, more than the ${limit} that are taken`);
  }
  // Half a surrogate pair would become another character on the way.
  if (!value.isWellFormed()) throw new CasewardError(kind, `${what} is no well-formed text`);
  return value;
}

/** Bytes, of a string or a typed array, no more than `limit`. */
export function bytes(value, what, limit, kind) {
  if (typeof value === 'string') return new TextEncoder().encode(text(value, what, limit, kind));
  const all = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
  if (!(all instanceof Uint8Array)) throw new TypeError(`${what} must be a string or a Uint8Array`);
  if (all.length > limit) {
    throw new CasewardError(kind, `${what} has ${all.length} bytes, more than the ${limit} that are taken`);
  }
  return all;
}

/** A whole number from `least` to `most`. */
export function whole(value, what, least, most) {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw refuse(`${what} must be a whole number from ${least} to ${most}`);
  }
  return value;
}

const PLAIN = /^([A-Z][A-Za-z0-9]*(?:::[A-Z][A-Za-z0-9]*)*)::"([\w\-. @/:]*)"$/;

/** `{type, id}` of an entity, given so or in Cedar's syntax. */
export function uid(value, what) {
  if (typeof value === 'string') {
    const plain = PLAIN.exec(text(value, what));
    if (plain !== null) return { type: plain[1], id: plain[2] };
    const [type, id] = call((raw) => raw.Ward.parse_uid(value));
    return { type, id };
  }
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(`${what} must be {type, id}, or a string such as 'User::"u1"'`);
  }
  return { type: text(value.type, `the type of ${what}`), id: text(value.id, `the id of ${what}`) };
}

/** The `now` of a question in milliseconds: the clock's where none is given. */
export function moment(now) {
  if (now === undefined) return Date.now();
  if (!(now instanceof Date)) throw new TypeError('`now` must be a Date');
  return instant(now, '`now`');
}

/** Refuses the time where it does not belong. */
export function refuseNow(context) {
  const now = context?.now;
  if (!(now instanceof Date) && typeof now !== 'string') return;
  throw refuse('`now` stands beside `context`, not in it: {…, context: {…}, now: new Date()}');
}

/** Milliseconds of a valid date. */
export function instant(date, what) {
  const ms = date.getTime();
  if (Number.isNaN(ms)) throw refuse(`${what} is an invalid Date`);
  return ms;
}

/** The date of a `now` in an answer: as the engine does, nothing outside the years that Cedar has text for. */
export function shown(ms) {
  return ms === undefined || ms < FIRST || ms > LAST ? undefined : new Date(ms);
}

/** Cedar's JSON of a value; `what` is what to call it. */
export function encode(value, what, depth = 0) {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return String(value);
    case 'number':
      if (!Number.isSafeInteger(value)) {
        throw refuse(
          Number.isInteger(value)
            ? `${what} is ${value}, which a number does not hold exactly: give a bigint`
            : `${what} is ${value}, and Cedar has whole numbers alone: give a decimal as a string such as '1.25'`,
        );
      }
      return String(value);
    case 'bigint':
      if (value < LEAST || value > MOST) throw refuse(`${what} is ${value}, which has more than 64 bits`);
      return String(value);
    case 'object':
      if (value !== null) return encodeObject(value, what, depth);
  }
  throw refuse(`${what} is ${value === null ? 'null' : `of type ${typeof value}`}, which Cedar has no value for`);
}

function encodeObject(value, what, depth) {
  if (depth >= DEPTH) throw refuse(`${what} is nested more than ${DEPTH} deep`);
  if (value instanceof Date) {
    return datetime(instant(value, what));
  }
  if (Array.isArray(value) || value instanceof Set) {
    const all = [];
    for (const element of value) all.push(encode(element, `an element of ${what}`, depth + 1));
    return `[${all.join(',')}]`;
  }
  const fields = [];
  for (const [name, field] of Object.entries(value)) {
    // A field that is undefined is one that is not there.
    if (field === undefined) continue;
    fields.push(`${JSON.stringify(name)}:${encode(field, `\`${name}\``, depth + 1)}`);
  }
  return `{${fields.join(',')}}`;
}

function datetime(ms) {
  if (ms >= FIRST && ms <= LAST) return `{"__extn":{"fn":"datetime","arg":"${new Date(ms).toISOString()}"}}`;
  const from = '{"__extn":{"fn":"datetime","arg":"1970-01-01"}}';
  return `{"__extn":{"fn":"offset","args":[${from},{"__extn":{"fn":"duration","arg":"${ms}ms"}}]}}`;
}

/** The JSON of a record, `{}` where there is none. */
export function encodeRecord(record, what, limit) {
  if (record === undefined) return '{}';
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    throw new TypeError(`${what} must be an object`);
  }
  const json = encode(record, what);
  if (json.length > limit) {
    throw refuse(`${what} has ${json.length} characters in JSON, more than the ${limit} that are taken`);
  }
  return json;
}

/** What JSON of the engine says; whole numbers beyond 2^53 are bigints. */
export function parse(json) {
  // Most answers have no such number, and then the platform's parser is right.
  if (!/\d{16}/.test(json)) return JSON.parse(json);
  const marked = json.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}/g, (token) =>
    token.startsWith("\"") ? token : `{${JSON.stringify(MARK)}:"${token}"}`,
  );
  return JSON.parse(marked, (_, value) => (value?.[MARK] === undefined ? value : exact(value[MARK])));
}

const MARK = '\u0000exact';

function exact(digits) {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

/** A value of Cedar's JSON as JavaScript has it: dates as `Date`, entities as `{type, id}`, other extension values
 * as the text that Cedar reads them from. */
export function decode(value) {
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value);
  if (keys.length === 1) {
    if (keys[0] === '__entity') return value.__entity;
    if (keys[0] === '__extn') return extension(value.__extn);
  }
  return Object.fromEntries(keys.map((key) => [key, decode(value[key])]));
}

function extension(call) {
  const { fn, arg, args } = call;
  if (fn === 'datetime') return new Date(arg);
  if (fn !== 'offset') return arg;
  // So many milliseconds from another instant; what no Date holds stays in Cedar's form, which goes in again.
  const [from, by] = args.map(decode);
  const date = new Date(from.getTime() + Number(by.replace(/ms$/, '')));
  return Number.isNaN(date.getTime()) ? { __extn: call } : date;
}

/** Texts as the engine takes and gives many of them: each behind a line feed, or as a list in JSON. */
export function join(texts) {
  for (const one of texts) {
    if (one.includes('\n')) return JSON.stringify(texts);
  }
  return texts.length === 0 ? '' : `\n${texts.join('\n')}`;
}

/** The texts of what `join` gives. */
export function split(joined) {
  if (joined === '') return [];
  return joined.startsWith('\n') ? joined.slice(1).split('\n') : JSON.parse(joined);
}
