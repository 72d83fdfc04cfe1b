// Plain objects: what a record, a question or its options are given as.
//
// INVARIANT: everything that stands for a record is read here, once, or refused. What is left out without a word is
// asked without: a condition on a field that is not there can permit what the field would have denied.

import { unknown } from './keys.js';

/** The own fields of a plain object, as a copy that nothing of the caller's changes any more; `keys` are those that
 * it takes, where they are known. */
export function record(value, what, keys = undefined) {
  if (typeof value !== 'object' || value === null || !isPlain(value)) {
    throw new TypeError(`${what} must be a plain object, and is ${described(value)}${hint(value)}`);
  }
  // Getters run here and never again.
  const copy = { ...value };
  let seen = 0;
  let stray;
  for (const key in copy) {
    seen += 1;
    if (keys !== undefined && !keys.has(key) && copy[key] !== undefined) stray ??= key;
  }
  if (seen !== Object.getOwnPropertyNames(value).length || Object.getOwnPropertySymbols(value).length > 0) {
    throw hidden(value, what);
  }
  if (stray !== undefined) throw unknown(stray, keys, what);
  return copy;
}

function isPlain(value) {
  const above = Object.getPrototypeOf(value);
  return above === Object.prototype || above === null || isOthersRoot(above);
}

/** Whether it is what plain objects of another realm (a frame, a sandbox of tests) come from. */
function isOthersRoot(above) {
  return (
    Object.getPrototypeOf(above) === null &&
    Object.hasOwn(above, 'isPrototypeOf') &&
    Object.hasOwn(above, 'propertyIsEnumerable') &&
    Object.keys(above).length === 0
  );
}

/** What was given in the place of something else. */
export function described(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object') return `of type ${typeof value}`;
  if (typeof value.then === 'function') return 'a promise: await it';
  if (Array.isArray(value)) return 'an array';
  const name = isPlain(value) ? '' : value.constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `of the class ${name}` : 'another object';
}

/** What to do about an object that is not plain. */
function hint(value) {
  if (typeof value !== 'object' || value === null || typeof value.then === 'function') return '';
  if (value instanceof Map) return ': give `Object.fromEntries(map)`';
  return Array.isArray(value) ? '' : ': give all of its fields as {…}, none inherited';
}

/** Why nothing is left out of an object with properties that a copy of it does not have. */
function hidden(value, what) {
  const [symbol] = Object.getOwnPropertySymbols(value);
  if (symbol !== undefined) return new TypeError(`${what} has a property whose name is a symbol, which is no field's`);
  const name = Object.getOwnPropertyNames(value).find((one) => !Object.prototype.propertyIsEnumerable.call(value, one));
  if (name === undefined) return new TypeError(`${what} changes while it is read`);
  return new TypeError(`${what} has a property \`${name}\` that is not enumerable: give its fields as {…}`);
}
