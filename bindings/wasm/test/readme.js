// The code of the READMEs: of the package, and of the repository.

import { readFileSync } from 'node:fs';

/** The blocks of a kind, such as `js` or `js worker.js`, in a file beside the tests' folder. */
export function blocks(kind, file = '../README.md') {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  return text.split(/^```/m)
    .filter((part) => part.startsWith(`${kind}\n`))
    .map((part) => part.slice(kind.length + 1));
}
