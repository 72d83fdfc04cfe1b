// The extension as an editor loads it: bundled, with a stand-in for the editor, and the real command behind it.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'smol-toml';

const require = createRequire(import.meta.url);
const here = new URL('..', import.meta.url);
const json = (name) => JSON.parse(readFileSync(new URL(name, here), 'utf8'));
const manifest = json('package.json');

test('what the manifest names is there', () => {
  const { languages, grammars, configuration, commands } = manifest.contributes;
  for (const { configuration: file } of languages) assert.ok(json(file).comments);
  for (const { path, scopeName } of grammars) assert.equal(json(path).scopeName, scopeName);
  const source = readFileSync(new URL('src/extension.ts', here), 'utf8');
  for (const name of Object.keys(configuration.properties)) assert.ok(source.includes(`'${name.split('.')[1]}'`), name);
  for (const { command } of commands) assert.ok(source.includes(`'${command}'`), command);
});

/** The patterns of a grammar, in their order. */
function patterns(name) {
  const { patterns, repository } = json(name);
  return patterns.map((pattern) => (pattern.include ? repository[pattern.include.slice(1)] : pattern));
}

/** The scope of each part of a line, by the first pattern that matches leftmost. */
function scopes(grammar, line) {
  const found = [];
  for (let at = 0; at < line.length; ) {
    const next = grammar.flatMap(({ match, begin, end, name, captures }) => {
      const source = match ?? `${begin}(?:\\\\.|[^"\\\\])*(?:${end})`;
      const hit = new RegExp(source, 'dg');
      hit.lastIndex = at;
      const one = hit.exec(line);
      return one === null ? [] : [{ start: one.index, text: one[0], name: name ?? captures[2].name }];
    });
    next.sort((a, b) => a.start - b.start);
    const [first] = next;
    if (first === undefined || first.text === '') break;
    found.push([first.text, first.name.split('.').slice(0, -1).join('.')]);
    at = first.start + first.text.length;
  }
  return found;
}

test('the grammars colour policies and schemas', () => {
  const cedar = patterns('syntaxes/cedar.json');
  assert.deepEqual(scopes(cedar, 'when { principal.leads.contains(resource.school) && !true } // ā'), [
    ['when', 'keyword.control'], ['principal', 'variable.language'], ['leads', 'variable.other.property'],
    ['contains', 'support.function'], ['resource', 'variable.language'], ['school', 'variable.other.property'],
    ['&&', 'keyword.operator'], ['!', 'keyword.operator'], ['true', 'constant.language'], ['// ā', 'comment.line.double-slash'],
  ]);
  assert.deepEqual(scopes(cedar, '@id("a \\" b")'), [['@id', 'entity.name.tag'], ['"a \\" b"', 'string.quoted.double']]);
  assert.deepEqual(scopes(cedar, 'action == Action::"view", resource is Case'), [
    ['action', 'variable.language'], ['==', 'keyword.operator'], ['Action', 'entity.name.type'],
    ['"view"', 'string.quoted.double'], ['resource', 'variable.language'], ['is', 'keyword.operator.word'], ['Case', 'entity.name.type'],
  ]);
  const schema = patterns('syntaxes/cedarschema.json');
  assert.deepEqual(scopes(schema, 'entity Case = { type: String, school?: School };'), [
    ['entity', 'keyword.declaration'], ['Case', 'entity.name.type'], ['type', 'variable.other.property'], ['String', 'support.type'],
    ['school', 'variable.other.property'], ['School', 'entity.name.type'],
  ]);
});

test('the bundle asks for the editor alone', () => {
  const bundle = readFileSync(new URL('dist/extension.js', here), 'utf8');
  const asked = new Set([...bundle.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name]) => name));
  const { builtinModules } = require('node:module');
  const others = [...asked].filter((name) => !builtinModules.includes(name.replace(/^node:/, '')));
  assert.deepEqual(others, ['vscode']);
  assert.deepEqual(readdirSync(fileURLToPath(new URL('dist', here))), ['extension.js']);
});

test('the forms let our files pass, and no others', () => {
  const policies = new URL('../../policies/', here);
  const bare = (_, value) => (typeof value === 'bigint' ? Number(value) : value);
  const read = (name) => {
    const text = readFileSync(new URL(name, policies), 'utf8');
    return JSON.parse(JSON.stringify(parse(text, { integersAsBigInt: 'asNeeded' }), bare));
  };
  const cases = readdirSync(new URL('tests/cases', policies)).map((name) => `tests/cases/${name}`);
  const files = { fields: ['fields.toml'], annotations: ['annotations.toml'], matrix: ['matrix.toml'], unreachable: ['tests/unreachable.toml'], cases };
  const wrong = {
    fields: [{ Case: { known_by: ['vieSummary'] } }, { Cse: {} }, { Case: { shows: [] } }],
    annotations: [{ gate: { G1: 1 } }, { decision: { D1: { question: 'x' } } }],
    matrix: [{ title: 'x' }, { title: 'x', principal: 'Usr' }],
    unreachable: [{ unreachable: [{ policy: 'school.S1' }] }],
    cases: [{ case: [{ name: 'x' }] }, { world: { User: { a: { loginActive: 'yes' } } } }, { world: { Usr: {} } }],
  };
  for (const [name, all] of Object.entries(files)) {
    const check = new Ajv2020({ allowUnionTypes: true }).compile(json(`schemas/${name}.json`));
    for (const file of all) assert.ok(check(read(file)), `${file}: ${JSON.stringify(check.errors?.slice(0, 3))}`);
    for (const one of wrong[name]) assert.ok(!check(one), `${name}: ${JSON.stringify(one)}`);
  }
  assert.ok(cases.length > 10);
});
