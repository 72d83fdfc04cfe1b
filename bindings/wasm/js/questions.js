// The questions: which fields each has, and how they are read, once and as a whole, before the engine is asked.
//
// What comes out is texts, numbers and bytes in the order in which the engine takes them; nothing of it is the caller's.

import { described, record } from './plain.js';
import { LIMITS, bytes, circumstances, join, moment, text, uid, whole } from './values.js';

const CONTEXT = ['context', 'now'];
const GROUPING = ['by', 'zone', 'protect'];
const REQUEST = new Set(['principal', 'action', 'resource', ...CONTEXT]);
const EXPLAIN = new Set([...REQUEST, 'viewer']);
const MANY = new Set(['principalType', 'principals', 'action', 'resourceType', 'resources', ...CONTEXT]);
const LIST = new Set(['principal', 'action', 'type', ...CONTEXT]);
const SORTED = new Set([...LIST, 'by', 'descending', 'where']);
const WATCH = new Set([...LIST, 'waiting']);
const PAIR = new Set(['principal', 'resource', ...CONTEXT]);
const WHO = new Set(['resource', 'action', 'type', ...CONTEXT]);
const ALERT = new Set(['resource', 'entry', 'type', 'now']);
const COUNT = new Set([...LIST, ...GROUPING]);
const REPORT = new Set(['principal', 'kind', 'report', 'now', ...GROUPING]);
const RELEASE = new Set(['principal', 'release', 'report', 'now', 'protect']);
const DATABASE = new Set(['dialect', 'mapping']);
const FILTER = new Set([...LIST, ...DATABASE, 'firstParameter', 'parameterStyle', 'alias']);
const PROTECT = new Set(['below', 'key']);
/** Changes of sight that wait to be taken, unless told. */
const WAITING = 1_024;
// What is not told of a release stands in its text.
const ROUND = new Set(['key']);

/** Who asks to do what to which record, under which circumstances: names as text or `{type, id}`. */
export function request(question, what) {
  const { principal, action, resource, context, now } = record(question, what, REQUEST);
  return {
    principal: name(principal, 'the principal'),
    action,
    resource: name(resource, 'the resource'),
    circumstances: circumstances(context, now),
  };
}

/** A request as the engine takes it in full. */
export function inFull({ principal, action, resource, circumstances: { json, at } }) {
  const who = uid(principal, 'the principal');
  const what = uid(resource, 'the resource');
  return [who.type, who.id, text(action, 'the action'), what.type, what.id, json, at];
}

/** A request, and for whom it is explained: nothing where everything is told. */
export function explained(question) {
  const { viewer, ...rest } = record(question, 'the question of `explain`', EXPLAIN);
  const asked = inFull(request(rest, 'the question of `explain`'));
  if (viewer === undefined) return [asked, undefined];
  const { type, id } = uid(viewer, 'the viewer');
  return [asked, [type, id]];
}

/** Columns of people and records, read by `numbers`. */
export function many(question, numbers) {
  const given = record(question, 'the question of `checkMany`', MANY);
  const { principalType, principals, action, resourceType, resources, context, now } = given;
  text(principalType, 'the principal type');
  text(resourceType, 'the resource type');
  text(action, 'the action');
  return {
    principalType,
    resourceType,
    action,
    circumstances: circumstances(context, now),
    principals: numbers(principalType, principals),
    resources: numbers(resourceType, resources),
  };
}

/** Which records of a type somebody may do something to. */
export function list(question, what) {
  return ofType(record(question, what, LIST));
}

function ofType({ principal, action, type, context, now }) {
  const { type: whose, id } = uid(principal, 'the principal');
  text(action, 'the action');
  text(type, 'the type');
  const { json, at } = circumstances(context, now);
  return { type, asked: [whose, id, action, type, json, at] };
}

/** Which records of a type, in which order and by which conditions. */
export function sorted(question) {
  const given = record(question, 'the question of `sorted`', SORTED);
  const { by, descending = false, where = [] } = given;
  if (by !== undefined) text(by, '`by`');
  if (typeof descending !== 'boolean') throw new TypeError(`\`descending\` must be true or false, and is ${described(descending)}`);
  const conditions = texts(where, '`where`').map((one) => text(one, 'a condition'));
  return [...ofType(given).asked, by, descending, join(conditions)];
}

/** Which records of a type are followed, at which time where it is always the same, and how many changes may wait. */
export function watch(question) {
  const given = record(question, 'the question of `watch`', WATCH);
  const { waiting = WAITING, now } = given;
  whole(waiting, '`waiting`', 1, 2 ** 31);
  const { asked } = ofType(given);
  return { asked, waiting, at: now === undefined ? undefined : asked.at(-1) };
}

/** What somebody may do to a record, or see of it. */
export function pair(question, what) {
  const { principal, resource, context, now } = record(question, what, PAIR);
  const who = uid(principal, 'the principal');
  const of = uid(resource, 'the resource');
  const { json, at } = circumstances(context, now);
  return [who.type, who.id, of.type, of.id, json, at];
}

/** Who of a type may do something to a record. */
export function who(question, what) {
  const { resource, action, type, context, now } = record(question, what, WHO);
  const of = uid(resource, 'the resource');
  text(action, 'the action');
  text(type, 'the type');
  const { json, at } = circumstances(context, now);
  return { type, asked: [of.type, of.id, action, type, json, at] };
}

/** Who of a type is told of what happens to a record, or to an entry of it. */
export function alert(question) {
  const { resource, entry, type, now } = record(question, 'the question of `alert`', ALERT);
  const of = uid(resource, 'the resource');
  const part = entry === undefined ? {} : uid(entry, 'the entry');
  text(type, 'the type');
  return { type, asked: [of.type, of.id, part.type, part.id, type, moment(now)] };
}

/** How many records, by group. */
export function count(question) {
  const given = record(question, 'the question of `countBy`', COUNT);
  return [...ofType(given).asked, ...grouping(given)];
}

/** Which report, for whom, and by which groups. */
export function report(question) {
  const given = record(question, 'the question of `report`', REPORT);
  const { principal, kind = '', report: one, now } = given;
  const of = uid(principal, 'the principal');
  text(kind, 'the kind');
  const which = one === undefined ? {} : uid(one, 'the report');
  return [of.type, of.id, kind, which.type, which.id, moment(now), ...grouping(given)];
}

/** The tables of which release, for whom, and rounded with which key. */
export function release(question) {
  const given = record(question, 'the question of `release`', RELEASE);
  const { principal, release: tables, report: one, now } = given;
  const of = uid(principal, 'the principal');
  text(tables, 'the release', LIMITS.sources);
  const which = one === undefined ? {} : uid(one, 'the report');
  const [, key] = protection(given, ROUND);
  return [of.type, of.id, tables, which.type, which.id, moment(now), key];
}

/** Which records, and how the condition is written into a query that has more in it. */
export function filter(question) {
  const given = record(question, 'the question of `filter`', FILTER);
  const { firstParameter, parameterStyle, alias } = given;
  if (firstParameter !== undefined) whole(firstParameter, '`firstParameter`', 1, 32_766);
  if (parameterStyle !== undefined) text(parameterStyle, '`parameterStyle`');
  if (alias !== undefined) text(alias, '`alias`', LIMITS.name);
  return [...ofType(given).asked, ...mapped(given), firstParameter, parameterStyle, alias];
}

/** Whose SQL, and where the tables hold what. */
export function database(given, what) {
  return mapped(record(given, what, DATABASE));
}

function mapped({ dialect, mapping }) {
  text(dialect, 'the dialect');
  return [dialect, mapping === undefined ? undefined : text(mapping, 'the mapping', LIMITS.sources)];
}

/** What to group by, the rule of the zone, and how counts are protected, as the engine takes them. */
function grouping(given) {
  const { by, zone } = given;
  const groups = texts(by, '`by`').map((one) => text(one, 'a group'));
  if (zone !== undefined) text(zone, 'the zone');
  return [join(groups), zone, ...protection(given)];
}

/**
 * The least count that is told, or a secret key.
 *
 * INVARIANT: counts are exact where nothing was said of protection, and nowhere else. Whatever was said and is not
 * understood, be it `undefined`, is refused.
 */
function protection(given, keys = PROTECT) {
  if (!Object.hasOwn(given, 'protect')) return [undefined, undefined];
  const protect = record(given.protect, '`protect`', keys);
  const [name, ...more] = Object.keys(protect);
  if (name === undefined || more.length > 0) {
    const one = keys === PROTECT ? '{below: a number} or {key: a secret}, one of both' : '{key: a secret}';
    throw new TypeError(`\`protect\` must be ${one}; leave it out for what there is without it`);
  }
  if (name === 'key') return [undefined, bytes(protect.key, 'the key', LIMITS.name, 'request')];
  return [whole(protect.below, '`below`', 0, Number.MAX_SAFE_INTEGER), undefined];
}

/** The elements of an array or another iterable, read once. */
function texts(all, what) {
  if (typeof all === 'string' || typeof all?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`${what} must be an array of strings, and is ${described(all)}`);
  }
  return [...all];
}

/** A name, read once. */
function name(entity, what) {
  return typeof entity === 'string' ? entity : uid(entity, what);
}
