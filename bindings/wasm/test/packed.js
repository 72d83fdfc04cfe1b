// The package as npm would publish it, unpacked.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A folder with `node_modules/caseward`; `remove` takes it away. */
export function packed() {
  const folder = mkdtempSync(join(tmpdir(), 'caseward-'));
  const modules = join(folder, 'node_modules', 'caseward');
  mkdirSync(modules, { recursive: true });
  const root = fileURLToPath(new URL('..', import.meta.url));
  // What `build` made is packed as it is.
  const args = ['pack', '--ignore-scripts', '--json', '--loglevel=error', '--pack-destination', folder];
  const [{ filename, files }] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }));
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', modules, '--strip-components=1']);
  return { folder, files: files.map(({ path }) => path), remove: () => rmSync(folder, { recursive: true }) };
}
