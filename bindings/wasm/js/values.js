// Values between JavaScript and Cedar's JSON.

import { call } from './engine.js';
import { CasewardError, refuse } from './errors.js';
import { described, record } from './plain.js';

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
  if (typeof value !== 'string') throw new TypeError(`${what} must be a string, and is ${described(value)}`);
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
  if (!(value instanceof ArrayBuffer || value instanceof Uint8Array)) {
    throw new TypeError(`${what} must be a string or a Uint8Array, and is ${described(value)}`);
  }
  const all = value instanceof ArrayBuffer ? new Uint8Array(value) : bare(value);
  if (all.length > limit) {
    throw new CasewardError(kind, `${what} has ${all.length} bytes, more than the ${limit} that are taken`);
  }
  return all;
}

/** A view of the same numbers that nothing was put on, such as a `length` of one's own. */
export function bare(numbers) {
  const Kind = numbers instanceof Uint32Array ? Uint32Array : Uint8Array;
  return new Kind(numbers.buffer, numbers.byteOffset, numbers.length);
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
  const { type, id } = typeof value === 'object' && value !== null ? value : {};
  if (type === undefined && id === undefined) {
    throw new TypeError(`${what} must be {type, id}, or a string such as 'User::"u1"', and is ${described(value)}`);
  }
  return { type: text(type, `the type of ${what}`), id: text(id, `the id of ${what}`) };
}

/** The `now` of a question in milliseconds: the clock's where none is given. */
export function moment(now) {
  if (now === undefined) return Date.now();
  if (!(now instanceof Date)) throw new TypeError(`\`now\` must be a Date, and is ${described(now)}`);
  return instant(now, '`now`');
}

/** What a question is asked under: the JSON of its context, the time in milliseconds, and whether the context has one
 * of its own. */
export function circumstances(context, now) {
  const at = moment(now);
  if (context === undefined) return { json: '{}', at, timed: false };
  const fields = record(context, 'the context');
  refuseNow(fields.now, now);
  return { json: encodeFields(fields, 'the context', LIMITS.context), at, timed: fields.now !== undefined };
}

/** Refuses the time where it does not belong. In Cedar's own JSON it says what no `Date` holds: then it is the only one.
 * A number or a boolean is no time: a schema may have such a field. */
function refuseNow(inner, now) {
  const isTime = inner instanceof Date || typeof inner === 'string';
  if (!isTime && (typeof inner !== 'object' || now === undefined)) return;
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
    const one = what.startsWith(ELEMENT) ? what : `${ELEMENT}${what}`;
    const all = [];
    for (const element of value) all.push(encode(element, one, depth + 1));
    return `[${all.join(',')}]`;
  }
  return fieldsJson(record(value, what), depth);
}

const ELEMENT = 'an element of ';

function fieldsJson(fields, depth) {
  const all = [];
  for (const name of Object.keys(fields)) {
    const field = fields[name];
    // A field that is undefined is one that is not there.
    if (field === undefined) continue;
    all.push(`${JSON.stringify(name)}:${encode(field, `\`${name}\``, depth + 1)}`);
  }
  return `{${all.join(',')}}`;
}

function datetime(ms) {
  if (ms >= FIRST && ms <= LAST) return `{"__extn":{"fn":"datetime","arg":"${new Date(ms).toISOString()}"}}`;
  const from = '{"__extn":{"fn":"datetime","arg":"1970-01-01"}}';
  return `{"__extn":{"fn":"offset","args":[${from},{"__extn":{"fn":"duration","arg":"${ms}ms"}}]}}`;
}

/** The JSON of a record, `{}` where there is none. */
export function encodeRecord(value, what, limit) {
  return value === undefined ? '{}' : encodeFields(record(value, what), what, limit);
}

function encodeFields(fields, what, limit) {
  const json = fieldsJson(fields, 0);
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
