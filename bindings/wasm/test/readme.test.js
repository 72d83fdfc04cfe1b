// The README's code runs as it stands there, and prints what it says.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { packed } from './packed.js';
import { blocks } from './readme.js';

test('the README', (t) => {
  const { folder, remove } = packed();
  t.after(remove);
  const program = blocks('js').join('\n');
  assert.ok(blocks('js').length >= 5);
  writeFileSync(join(folder, 'readme.mjs'), program);
  const said = execFileSync(process.execPath, ['readme.mjs'], { cwd: folder, encoding: 'utf8' });
  // What is printed stands behind the call, or on the line below it.
  const promised = [...program.matchAll(/console\.log\(.*\);(?: |\n)\/\/ (.*)$/gm)].map(([, text]) => text);
  assert.equal(promised.length, program.split('console.log').length - 1, 'every line says what it prints');
  assert.deepEqual(said.trimEnd().split('\n'), promised);
});

test('the quickstart says what its twins say', (t) => {
  const { folder, remove } = packed();
  t.after(remove);
  const quickstart = new URL('../../../examples/quickstart/', import.meta.url);
  copyFileSync(new URL('quickstart.mjs', quickstart), join(folder, 'quickstart.mjs'));
  const said = execFileSync(process.execPath, ['quickstart.mjs'], { cwd: folder, encoding: 'utf8' });
  assert.equal(said, readFileSync(new URL('said.txt', quickstart), 'utf8'));
});

test("the ten lines of the repository's README", (t) => {
  const { folder, remove } = packed();
  t.after(remove);
  const [program, ...others] = blocks('js', '../../../README.md');
  assert.equal(others.length, 0);
  writeFileSync(join(folder, 'readme.mjs'), `${program}\nconsole.log(cases.length > 0);`);
  const said = execFileSync(process.execPath, ['readme.mjs'], { cwd: folder, encoding: 'utf8' });
  assert.match(said, /^\[ '.*' \]\ntrue\n$/);
});
