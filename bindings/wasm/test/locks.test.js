// The lock files agree: the module is made of what everything else is made of.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { ROOT } from './support.js';

/** Versions by package. */
function lock(path) {
  const text = readFileSync(new URL(path, ROOT), 'utf8');
  const packages = new Map();
  for (const [, name, version] of text.matchAll(/^name = "(.*)"\nversion = "(.*)"$/gm)) {
    packages.set(name, [...(packages.get(name) ?? []), version]);
  }
  return packages;
}

test('the lock files agree', () => {
  const [root, binding, tool] = ['Cargo.lock', 'bindings/wasm/Cargo.lock', 'bindings/wasm/tools/wbg/Cargo.lock'].map(lock);
  assert.ok(binding.size > 100);
  for (const [name, versions] of binding) {
    for (const version of versions) {
      if (root.has(name)) assert.ok(root.get(name).includes(version), `${name} ${version}: cargo update -p ${name} --precise`);
    }
  }
  assert.deepEqual(tool.get('wasm-bindgen-cli-support'), binding.get('wasm-bindgen'));
});
