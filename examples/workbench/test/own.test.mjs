// Somebody's own data: nothing of it leaves the page, whatever it is the page says so and goes on.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Ward, World } from 'caseward';

import { bench, folder, press, says, settled, skip } from './support.mjs';

const POLICIES = fileURLToPath(new URL('../../../policies', import.meta.url));
const entity = (type, id) => ({ __entity: { type, id } });

/** A school with many attendance leads and one case. */
function crowd(many) {
  const none = Object.fromEntries(
    ['attendanceOfficerAt', 'caseManagerAt', 'delegatedAuthoriserAt', 'delegatedAuthoriserFor', 'ministryTeams', 'monitors', 'officeSupportAt', 'primaryContactAt', 'workflowLeadAt']
      .map((name) => [name, []]),
  );
  const people = Array.from({ length: many }, (_, at) => ({
    uid: { type: 'User', id: `lead-${at}` }, parents: [],
    attrs: { ...none, loginActive: true, attendanceLeadAt: [entity('School', 'ōtaki')] },
  }));
  const opened = { __extn: { fn: 'datetime', arg: '2026-03-02' } };
  return [
    { uid: { type: 'School', id: 'ōtaki' }, attrs: { kind: 'state' }, parents: [] },
    { uid: { type: 'Student', id: 'tāne' }, attrs: { nsn: '1', enrolledAt: entity('School', 'ōtaki') }, parents: [] },
    { uid: { type: 'Case', id: 'one' }, attrs: { student: entity('Student', 'tāne'), status: 'open', openedAt: opened, team: [], prosecutionNotified: false }, parents: [] },
    ...people,
  ];
}

test("somebody's own data", { skip, timeout: 240_000 }, async (t) => {
  const { open } = await bench(t);
  const at = folder(t);
  const { page, said, requests, visit } = await open();
  const give = async (files, which = 'Policies or data') => {
    await press(page, 'button', 'Data');
    await page.getByLabel(which, { exact: true }).setInputFiles(files);
    await page.waitForTimeout(100);
    await settled(page);
  };
  const file = (name, mimeType, value) => ({ name, mimeType, buffer: Buffer.from(value) });
  const json = (name, value) => file(name, 'application/json', JSON.stringify(value));
  /** Waits for the title of what is open. */
  const titled = (wanted) => page.waitForFunction((name) => globalThis.document.querySelector('h1')?.textContent.includes(name), wanted, { timeout: 60_000 });

  await t.test('entities, of which nothing is sent: 500 people, each by a way that can be read', async () => {
    const before = requests.length;
    await give(json('crowd.json', crowd(500)));
    await titled('crowd.json');
    await says(page, 'main', /500 User/);
    await press(page, 'button', 'Who can');
    await says(page, 'main', /500 people in 1 group/);
    await says(page, '.way', /500 people lead-0 .*Show 494 more attendance lead at School ōtaki enrolled at Student tāne student Case one S1/i);
    await press(page, 'button', 'Show 494 more');
    assert.equal(await page.locator('.node.people li').count(), 500);
    await press(page, 'button', 'Look');
    await says(page, '.home', /Active cases \(1\)/);
    await press(page, 'button', 'one');
    await press(page, 'button', 'Copy a link');
    const copied = await page.evaluate(() => globalThis.navigator.clipboard.readText());
    assert.equal(new URL(copied).hash, '#tab=look');
    assert.equal(await page.evaluate(() => globalThis.location.hash), '');
    assert.deepEqual(requests.slice(before), [], 'no request is made');
    assert.equal(await page.evaluate(() => globalThis.localStorage.length + globalThis.sessionStorage.length), 0);
  });

  await t.test('a folder of policies, and data after it', async () => {
    const before = requests.length;
    await give(POLICIES, 'A folder of policies');
    await titled('105 policies');
    await says(page, 'main', /105 policies, [0-9a-f]{12}/);
    await says(page, 'main', new RegExp(Ward.attendance().policyHash.slice(0, 12)));
    await says(page, 'main', /500 User/, 'the data that there was stays');
    assert.deepEqual(requests.slice(before), []);
    const text = Ward.attendance().source('school.S1').replace('principal.attendanceLeadAt', 'principal.primaryContactAt');
    await give([file('schema.cedarschema', 'text/plain', Ward.attendanceSources().schema), file('school/S1.cedar', 'text/plain', text)]);
    await titled('1 policies');
    await press(page, 'button', 'Matrix');
    await page.getByLabel('Beside the rules').check();
    await says(page, 'main', /\d+ cells differ/);
    const lost = await page.locator('td.lost').count();
    assert.ok(lost > 50, `${lost} cells of the first situation`);
    assert.equal(await page.locator('.matrix tr:has-text("View summary") td.may').count(), 2, 'primary contact and office support see the header as before');
    assert.deepEqual(await page.locator('td.gained button').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label'))), ['View summary, MK: newly allowed', 'View summary, EN: newly allowed']);
  });

  await t.test('a file that is dropped anywhere', async () => {
    await page.evaluate((value) => {
      const transfer = new globalThis.DataTransfer();
      transfer.items.add(new globalThis.File([value], 'dropped.json'));
      globalThis.document.body.dispatchEvent(new globalThis.DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }, JSON.stringify(crowd(3)));
    await titled('dropped.json');
    await says(page, 'main', /3 User/);
  });

  await t.test('policies of another schema', async () => {
    const schema = 'entity User = { owns: Set<Box> }; entity Box; action open appliesTo { principal: User, resource: Box, context: {} };';
    mkdirSync(`${at}/boxes`, { recursive: true });
    writeFileSync(`${at}/boxes/schema.cedarschema`, schema);
    writeFileSync(`${at}/boxes/mine.cedar`, '@id("mine") permit (principal, action == Action::"open", resource) when { principal.owns.contains(resource) };');
    const boxes = [
      { uid: { type: 'Box', id: 'b' }, attrs: {}, parents: [] },
      { uid: { type: 'User', id: 'u' }, attrs: { owns: [entity('Box', 'b')] }, parents: [] },
    ];
    writeFileSync(`${at}/boxes/boxes.json`, JSON.stringify(boxes));
    await give(`${at}/boxes`, 'A folder of policies');
    await titled('boxes.json');
    await press(page, 'button', 'Ask');
    await says(page, '.decision', /Allowed mine/);
  });

  await t.test('what cannot be used is told where it was given, and what was open stays', async () => {
    await visit('#of=story&tab=data');
    const refused = [
      [file('a.cedar', 'text/plain', 'permit ((((('), /a\.cedar/],
      [file('a.cedar', 'text/plain', `@id("a") permit (principal, action, resource) when { ${'('.repeat(5_000)}${')'.repeat(5_000)} };`), /nest/],
      [file('a.cedar', 'text/plain', '@id("a") permit (principal, action, resource) when { resource.nothing };'), /nothing/],
      [file('a.cedar', 'text/plain', new Uint8Array([0xff, 0xfe, 0x00])), /`a\.cedar` is not UTF-8/],
      [file('a.json', 'application/json', '[{"uid": 1}]'), /./],
      [file('a.json', 'application/json', `${'['.repeat(100_000)}`), /./],
      [file('a.json', 'application/json', '\u0000\u0001'), /snapshot/],
      [json('a.json', [{ uid: { type: 'Case', id: 'c' }, attrs: {}, parents: [] }]), /./],
      [file('a.snapshot', 'application/octet-stream', new Uint8Array(1_000).fill(7)), /snapshot/],
      [file('a.png', 'image/png', 'x'), /no policies/],
      [[json('a.json', []), json('b.json', [])], /one file of data at a time/],
    ];
    for (const [files, reason] of refused) {
      await give(files);
      await says(page, '.trouble', reason, JSON.stringify(files).slice(0, 80));
      await says(page, 'h1', /Leo changes school/);
    }
    const shown = JSON.stringify('<img src=x onerror=alert(1)>');
    await give(json('<b>.json', crowd(1).map((one) => ({ ...one, uid: { ...one.uid, id: one.uid.id === 'one' ? JSON.parse(shown) : one.uid.id } }))));
    await titled('<b>.json');
    await press(page, 'button', 'Look');
    await says(page, '.home', /<img src=x onerror=alert\(1\)>/);
    assert.equal(await page.locator('main img').count(), 0);
  });

  await t.test('a large world', async () => {
    const world = World.sample(Ward.attendance(), { cases: 20_000, seed: 1 });
    const path = `${at}/large.snapshot`;
    writeFileSync(path, world.toBytes());
    await give(path);
    await titled('large.snapshot');
    await says(page, 'main', /20,000 Case/);
    await press(page, 'button', 'Look');
    await says(page, '.home', /Active cases \(\d+\)/);
    await press(page, 'button', 'Who can');
    await says(page, 'main', /\d+ people in \d+ groups/);
  });

  await t.test('an engine that falls is started anew: the page says so and goes on', async () => {
    await visit('#of=story&tab=who&record=Case::"leo-2026"&person=User::"aroha.ngata"&step=3');
    await page.getByLabel('Action').selectOption('viewAccessHistory');
    await page.waitForSelector('.stopped');
    await says(page, '.stopped', /The engine stopped, and was started anew\..*all else goes on/);
    await page.getByLabel('Action').selectOption('viewRecord');
    await settled(page);
    await says(page, '.ways', /Tom Henare/);
    await press(page, 'button', 'Close this message');
    assert.equal(await page.locator('.stopped').count(), 0);
    await press(page, 'button', 'Look');
    await says(page, '.home', /Closed cases/);
  });

  const own = said.filter((line) => !/panicked|told to/.test(line));
  assert.deepEqual(own, []);
});
