// What npm would publish is whole, and works where it is installed.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { packed } from './packed.js';

test('the package holds what it needs and nothing else, and answers in Node', (t) => {
  const { folder, files, remove } = packed();
  t.after(remove);
  const expected = [/^js\/\w+\.js$/, /^pkg\/caseward(_bg\.wasm|\.js)$/, /^types(\/\w+)?\.d\.ts$/, /^README\.md$/, /^LICENSE$/, /^package\.json$/];
  for (const file of files) assert.ok(expected.some((one) => one.test(file)), file);
  for (const file of ['README.md', 'pkg/caseward_bg.wasm', 'js/node.js', 'types.d.ts', 'types/ward.d.ts']) assert.ok(files.includes(file), file);
  const program = `
    import { Ward, World } from 'caseward';
    const ward = Ward.attendance();
    console.log(World.sample(ward, { cases: 3 }).count('Case'), ward.policies().length > 90);
  `;
  writeFileSync(join(folder, 'program.mjs'), program);
  const said = execFileSync(process.execPath, ['program.mjs'], { cwd: folder, encoding: 'utf8' });
  assert.equal(said, '3 true\n');
});
