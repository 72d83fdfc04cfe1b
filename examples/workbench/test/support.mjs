// A browser, the page as it is built, and how tests wait for it. The page is served on a free loopback port.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { make } from '../build.mjs';
import { serve } from '../serve.mjs';

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

export const installed = browser();
export const skip = installed === undefined && process.env.CASEWARD_REQUIRE_ALL !== '1' && 'no Chromium is installed';
const AXE = readFileSync(fileURLToPath(new URL('../node_modules/axe-core/axe.min.js', import.meta.url)), 'utf8');
const ARGS = ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--disable-component-update'];

/** A folder that goes when the tests end. */
export function folder(t) {
  const made = mkdtempSync(join(tmpdir(), 'caseward-workbench-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Builds and serves the page; gives pages of it. Its worker is one whose engine can be made to fall. */
export async function bench(t) {
  assert.ok(installed !== undefined, 'no Chromium is installed');
  const out = folder(t);
  const size = await make(out, fileURLToPath(new URL('falling.js', import.meta.url)));
  const { server, address } = await serve(0, out);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const chrome = await chromium.launch({ executablePath: installed, args: ARGS });
  t.after(() => chrome.close());
  return { size, address, open: (fragment) => open(chrome, address, fragment) };
}

/** A page of the workbench, once it has settled. What it says to the console is kept, and so is what it asks for. */
async function open(chrome, address, fragment = '') {
  const context = await chrome.newContext({ viewport: { width: 1280, height: 900 } });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  const said = [];
  const requests = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.stack));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(address + fragment);
  await page.waitForSelector('h1', { timeout: 30_000 });
  await settled(page);
  /** Follows a link within the page, as a person who pastes one does. */
  let visits = 0;
  const visit = async (to) => {
    visits += 1;
    await page.evaluate((hash) => {
      globalThis.location.hash = hash;
    }, `${to}&visit=${visits}`);
    await page.waitForTimeout(50);
    await settled(page);
  };
  return { page, said, requests, visit, close: () => context.close() };
}

/** Waits until nothing is asked any more. */
export async function settled(page) {
  // An answer may lead to the next question: it is quiet when it stays so for some frames.
  await page.evaluate(async () => {
    const { document, performance, requestAnimationFrame } = globalThis;
    const start = performance.now();
    for (let quiet = 0; quiet < 4 && performance.now() - start < 30_000; ) {
      await new Promise((done) => requestAnimationFrame(done));
      quiet = document.querySelector('.loading, .busy') === null ? quiet + 1 : 0;
    }
  });
}

/** The text of a place as people read it. */
async function text(page, where = 'main') {
  // biome-ignore lint/performance/useDomNodeTextContent: what is not shown is not read
  return (await page.locator(where).first().innerText({ timeout: 20_000 })).replace(/\s+/g, ' ');
}

/** Waits until a place says something. */
export async function says(page, where, wanted, reason) {
  const start = Date.now();
  let said = '';
  for (;;) {
    said = await text(page, where).catch((error) => String(error));
    if (wanted.test(said)) return;
    if (Date.now() - start > 20_000) break;
    await page.waitForTimeout(50);
  }
  assert.match(said, wanted, reason);
}

/** Presses what has this name, and waits. */
export async function press(page, role, name, within = page) {
  await within.getByRole(role, { name, exact: typeof name === 'string' }).first().click();
  await settled(page);
}

/** What stands in the way of people, by WCAG 2.2 AA. */
export async function barriers(page) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  return page.evaluate(async () => {
    // Of a table with hundreds of cells, the first rows.
    const context = { include: [['html']], exclude: [['tbody tr:nth-child(n + 6)']] };
    const { violations } = await globalThis.axe.run(context, {
      resultTypes: ['violations'],
      runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
    });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(' | ')}`);
  });
}

/** By how much the page is wider than its window. */
export async function overflow(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = globalThis.document.scrollingElement;
    return Math.max(0, scrollWidth - clientWidth);
  });
}
