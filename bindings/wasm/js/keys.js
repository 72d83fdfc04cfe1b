// The keys that questions take: what is mistyped is refused, for it would be left out without a word.

import { refuse } from './errors.js';

/** Why a key is refused that is none of `keys`. */
export function unknown(key, keys, what) {
  const near = nearest(key, keys);
  const hint = near === undefined ? `it takes ${[...keys].map((one) => `\`${one}\``).join(', ')}` : `did you mean \`${near}\`?`;
  return refuse(`${what} takes no \`${key}\`: ${hint}`);
}

/** The key that was probably meant. */
function nearest(key, keys) {
  const plain = key.toLowerCase().replace(/[^a-z]/g, '');
  const distances = [...keys].map((one) => [distance(plain, one.toLowerCase()), one]);
  const [least, one] = distances.reduce((a, b) => (b[0] < a[0] ? b : a));
  return least <= Math.max(1, Math.floor(one.length / 3)) ? one : undefined;
}

/** How many letters are to be put in, taken out, exchanged or swapped with the next; of long texts, more than any key has. */
function distance(a, b) {
  if (a.length > 40) return a.length;
  let before = [];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}
