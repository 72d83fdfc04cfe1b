// The package in a browser: a page on this machine loads it as a user's page would, in the page and in a worker.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { chromium } from 'playwright-core';

import { Ward, World } from 'caseward';

import { packed } from './packed.js';
import { blocks } from './readme.js';
import { NOW } from './support.js';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
// A careful page: nothing from elsewhere, no eval but WebAssembly's.
const POLICY = "default-src 'self'; script-src 'self' 'nonce-page' 'wasm-unsafe-eval'; img-src data:";
// A page whose author did not think of WebAssembly.
const STRICT = "default-src 'self'; script-src 'self' 'nonce-page'; img-src data:";

/** The browser that CASEWARD_CHROMIUM names, or one that is installed. */
function browser() {
  if (process.env.CASEWARD_CHROMIUM) return process.env.CASEWARD_CHROMIUM;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim();
    } catch {
      // The next one, then.
    }
  }
  return undefined;
}

/** What stands in the README. */
const README = { '/readme.html': blocks('html')[0], '/worker.js': blocks('js worker.js')[0] };

/** Serves the pages of `test/browser` and of the README, and the package below `node_modules`. */
function serve(folder) {
  const pages = fileURLToPath(new URL('browser', import.meta.url));
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://page').pathname);
    if (path in README) {
      response.writeHead(200, { 'content-type': TYPES[extname(path)] }).end(README[path]);
      return;
    }
    const file = path.startsWith('/node_modules/') ? join(folder, path) : join(pages, path);
    const type = TYPES[extname(file)];
    if (type === undefined || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const policy = path.startsWith('/strict') ? STRICT : POLICY;
    response.writeHead(200, { 'content-type': type, 'content-security-policy': policy });
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const path = browser();
const skip = path === undefined && process.env.CASEWARD_REQUIRE_ALL !== '1' && 'no Chromium is installed';

/** What a page comes to write into its output. */
async function visit(t, name) {
  assert.ok(path !== undefined, 'no Chromium is installed');
  const { folder, remove } = packed();
  t.after(remove);
  const server = await serve(folder);
  t.after(() => server.close());
  const args = ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--disable-component-update'];
  const chrome = await chromium.launch({ executablePath: path, args });
  t.after(() => chrome.close());
  const page = await chrome.newPage();
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.stack));
  await page.goto(`http://127.0.0.1:${server.address().port}/${name}`);
  await page
    .waitForFunction(() => globalThis.document.querySelector('output').textContent !== '', undefined, { timeout: 90_000 })
    .catch((error) => assert.fail(`${error.message}\n${said.join('\n')}`));
  return { said, text: await page.textContent('output') };
}

test('a page that forbids WebAssembly is told what to allow', { skip, timeout: 120_000 }, async (t) => {
  const [kind, message, cause] = JSON.parse((await visit(t, 'strict.html')).text);
  assert.equal(kind, 'init');
  assert.match(message, /content security policy forbids WebAssembly: allow it with `script-src 'self' 'wasm-unsafe-eval'`/);
  assert.equal(cause, 'CompileError');
});

test("the README's page and worker", { skip, timeout: 120_000 }, async (t) => {
  assert.equal((await visit(t, 'readme.html')).text, '100 cases');
});

test('a page and a worker answer as Node does', { skip, timeout: 120_000 }, async (t) => {
  const { said, text } = await visit(t, 'index.html');
  const found = JSON.parse(text);
  assert.deepEqual(said, []);

  const ward = Ward.attendance();
  const world = World.sample(ward, { cases: 200, seed: 5 });
  const asked = world.ids('User').slice(0, 40).map((id) => ({
    principal: { type: 'User', id },
    action: 'viewSummary',
    type: 'Case',
    now: NOW,
  }));
  const lists = asked.map((question) => ward.list(world, question));
  const checks = asked.map(({ type: _, ...question }, at) => {
    const resource = { type: 'Case', id: `c${String(at + 1).padStart(7, '0')}` };
    return ward.json.answer(world, { ...question, resource });
  });
  assert.ok(lists.flat().length > 100);
  assert.equal(found.early, 'init');
  assert.deepEqual(found.lists, lists);
  assert.deepEqual(found.checks, checks);
  assert.deepEqual(found.sorted, asked.map((question) => ward.sorted(world, { ...question, by: 'openedAt' }).page(undefined, { most: 5 }).ids));
  assert.ok(lists[0].length > 0);
  assert.deepEqual(found.watched, [lists[0], lists[0]]);
  assert.equal(found.version, 2);
  assert.deepEqual(found.error.slice(0, 2), [true, 'request']);
  assert.match(found.error[2], /did you mean `viewSummary`/);
  assert.deepEqual(found.worker, { version: 4, lists, attributes: '9999999999' });
});
