// Builds the page into dist/: static files, which any server can serve, or none but this machine's.

import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = at('dist');

rmSync(out, { recursive: true, force: true });
mkdirSync(out);
const shared = {
  bundle: true, format: 'esm', target: 'es2022', minify: true, legalComments: 'none', outdir: out, logLevel: 'warning',
  // The package loads its module where it is told to, not from beside its own files.
  conditions: ['browser'],
};
await build({ ...shared, entryPoints: { main: at('src/main.tsx') }, splitting: true, jsx: 'automatic', jsxImportSource: 'preact' });
await build({ ...shared, entryPoints: { worker: at('src/worker/worker.ts') } });
for (const name of ['index.html', 'style.css']) cpSync(at(name), `${out}/${name}`);
cpSync(at('node_modules/caseward/pkg/caseward_bg.wasm'), `${out}/caseward_bg.wasm`);

const weigh = (names) => names.reduce((sum, name) => sum + gzipSync(readFileSync(`${out}/${name}`)).length, 0);
const all = readdirSync(out);
const page = weigh(all.filter((name) => !name.endsWith('.wasm')));
console.log(`dist: ${Math.round(page / 1000)} kB gzipped without the module`);
