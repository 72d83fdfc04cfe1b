// The code of the README.

import { readFileSync } from 'node:fs';

const TEXT = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The blocks of a kind, such as `js` or `js worker.js`. */
export function blocks(kind) {
  return TEXT.split(/^```/m)
    .filter((part) => part.startsWith(`${kind}\n`))
    .map((part) => part.slice(kind.length + 1));
}
