// Builds the page into dist/: static files, which any server can serve, or none but this machine's.

import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Builds the page into a folder, which is emptied before; says how many bytes it is, gzipped, without the module. */
export async function make(out, worker = at('src/worker/worker.ts')) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const shared = {
    bundle: true, format: 'esm', target: 'es2022', minify: true, legalComments: 'none', outdir: out, logLevel: 'warning',
    // The package as a browser has it.
    conditions: ['browser'],
    loader: { '.toml': 'text' },
  };
  await build({ ...shared, entryPoints: { main: at('src/main.tsx') }, splitting: true, jsx: 'automatic', jsxImportSource: 'preact' });
  await build({ ...shared, entryPoints: { worker } });
  for (const name of ['index.html', 'style.css']) cpSync(at(name), `${out}/${name}`);
  cpSync(at('node_modules/caseward/pkg/caseward_bg.wasm'), `${out}/caseward_bg.wasm`);
  const page = readdirSync(out).filter((name) => !name.endsWith('.wasm'));
  return page.reduce((sum, name) => sum + gzipSync(readFileSync(`${out}/${name}`)).length, 0);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(`dist: ${Math.round((await make(at('dist'))) / 1000)} kB gzipped without the module`);
}
