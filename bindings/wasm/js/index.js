// The package as browsers and bundlers load it: `await init()` first.

import { call } from './engine.js';
import { record } from './plain.js';
import { sourcesJson } from './sources.js';
import { LIMITS, parse, text, whole } from './values.js';

export { Answer } from './answer.js';
export { init, initSync } from './engine.js';
export { CasewardError } from './errors.js';
export { Sorted } from './sorted.js';
export { Table } from './table.js';
export { Visible } from './visible.js';
export { Ward } from './ward.js';
export { Watch } from './watch.js';
export { Changes, World } from './world.js';
export { LIMITS } from './values.js';

/** Every problem of a schema and policies, warnings too, with its place in the text; none where all is well. */
export function diagnose(sources) {
  const json = sourcesJson(sources);
  return parse(call((raw) => raw.diagnose(json)));
}

/** Policy text in Cedar's standard layout, comments kept. */
export function format(policies, name = 'policies') {
  text(policies, 'the text', LIMITS.sources, 'policies');
  text(name, 'the name');
  return call((raw) => raw.format(name, policies));
}

/** A place in bytes of UTF-8, as problems and conditions have it, as one in a JavaScript string. */
export function span(source, place) {
  const bytes = new TextEncoder().encode(text(source, 'the text', LIMITS.sources));
  const { start, end } = record(place, 'the place');
  whole(start, 'the start of the place', 0, bytes.length);
  whole(end, 'the end of the place', start, bytes.length);
  const before = (at) => new TextDecoder().decode(bytes.subarray(0, at)).length;
  return { start: before(start), end: before(end) };
}
