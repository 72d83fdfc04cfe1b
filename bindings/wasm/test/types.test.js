// `types.d.ts`, with what it takes from `types/`, against real uses, and against what the package exports.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import * as caseward from 'caseward';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

test('tsc --strict takes real uses, and refuses what makes no sense', () => {
  const tsc = path('../node_modules/typescript/bin/tsc');
  try {
    execFileSync(process.execPath, [tsc, '-p', path('types/tsconfig.json')], { encoding: 'utf8' });
  } catch (error) {
    assert.fail(error.stdout || String(error));
  }
});

test('every export has a type, and every member too', () => {
  const beside = readdirSync(path('../types')).map((name) => `../types/${name}`);
  const types = ['../types.d.ts', ...beside].map((name) => readFileSync(path(name), 'utf8')).join('\n');
  for (const [name, value] of Object.entries(caseward)) {
    assert.match(types, new RegExp(`^export (class|function|const) ${name}\\b`, 'm'));
    if (!String(value).startsWith('class ')) continue;
    const body = types.slice(types.search(new RegExp(`^export class ${name}\\b`, 'm'))).split('\n}\n')[0];
    const members = [...Object.getOwnPropertyNames(value.prototype), ...Object.getOwnPropertyNames(value)];
    for (const member of members) {
      if (['length', 'name', 'prototype'].includes(member) || (name === 'Answer' && member === 'of')) continue;
      assert.match(body, new RegExp(`\\b${member}\\b`), `${name}.${member}`);
    }
  }
});
