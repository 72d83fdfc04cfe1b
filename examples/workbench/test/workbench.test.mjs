// The page in a browser: each part of it, by mouse and by keyboard, against what the package says in Node.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Ward, World } from 'caseward';

import { barriers, bench, folder, overflow, press, says, settled, skip } from './support.mjs';
import { story } from './story.mjs';

const POLICIES = fileURLToPath(new URL('../../../policies', import.meta.url));
const CASE = 'Case::"leo-2026"';
const link = (parts) => `#${new URLSearchParams({ of: 'story', ...parts })}`;

test('the workbench in a browser', { skip, timeout: 240_000 }, async (t) => {
  const { size, address, open } = await bench(t);
  const { STORY, worldAt, STEPS } = await story(folder(t));
  const ward = Ward.attendance();
  const worlds = STEPS.map((_, at) => worldAt(ward, at));
  const { page, said, requests, visit } = await open();

  await t.test('the page is small, and asks its own host alone', async () => {
    assert.ok(size < 250_000, `${size} bytes gzipped without the module`);
    assert.deepEqual(said, []);
    assert.ok(requests.every((url) => url.startsWith(address)), requests.join('\n'));
    assert.equal(await page.evaluate(() => globalThis.location.hash), '');
    const moved = await page.evaluate(async () => {
      let sum = 0;
      const observer = new globalThis.PerformanceObserver((list) => {
        for (const entry of list.getEntries()) sum += entry.value;
      });
      observer.observe({ type: 'layout-shift', buffered: true });
      await new Promise((done) => setTimeout(done, 50));
      return sum;
    });
    assert.ok(moved < 0.1, `what is there already jumps by ${moved}`);
  });

  await t.test('the home page lists what the package lists', async () => {
    await visit(link({ person: 'User::"aroha.ngata"' }));
    await says(page, '.home', /Services \(1\).*Draft requests \(1\).*Active cases \(1\).*Closed cases \(1\)/);
    const now = new Date(STEPS[0].now);
    const asked = { principal: 'User::"aroha.ngata"', action: 'viewSummary', now };
    assert.equal(ward.list(worlds[0], { ...asked, type: 'Case' }).length, 2);
    await page.getByLabel('Search the lists').fill('māia');
    await settled(page);
    await says(page, '.home', /Draft requests \(1 of 1\).*Active cases \(0 of 1\)/);
    await page.getByLabel('Search the lists').fill('maia');
    await settled(page);
    await says(page, '.home', /Māia Whaanga/);
  });

  await t.test('the page of a case shows what a view shows, and the author what is withheld by which rule', async () => {
    await visit(link({ person: 'User::"aroha.ngata"' }));
    await press(page, 'button', '00098712');
    await says(page, '.header', /Student Leo Tipene .* Case owner Ngaire Scott Primary contact Hemi Walker/);
    const view = ward.view(worlds[0], { principal: 'User::"aroha.ngata"', resource: CASE, now: new Date(STEPS[0].now) });
    assert.deepEqual(await page.locator('.record fieldset').first().getByRole('button').allInnerTexts(), ['Add comment…', 'Change primary contact…', 'Upload file…']);
    const headings = await page.getByRole('tabpanel').getByRole('heading').allInnerTexts();
    assert.deepEqual(headings.map((one) => one.toLowerCase()), view.sections.map(({ name }) => name));
    await press(page, 'tab', 'Activity');
    assert.equal(await page.locator('.entries > li').count(), view.items.length);
    await press(page, 'tab', 'Related');
    await says(page, '[role=tabpanel]', /Requests \(1\).*Other cases \(1\).*Services \(1\).*Public health nurse.*Files \(1\).*support-plan.pdf.*Case comments \(2\)/);
    const withheld = '.author';
    await says(page, withheld, /Record viewRecord .*P1 would permit, but not: cleared \(G2\); workflow lead of the holder/);
    await says(page, withheld, /Entries \(2\) .*Note: Note viewItem on note .*not sensitive/);
    await page.getByLabel('As the author').uncheck();
    await settled(page);
    const alone = await page.locator('body').textContent();
    assert.ok(!/confidence|P1|Withheld|12 Kererū/.test(alone), 'what is withheld is nowhere on the page');
    await page.getByLabel('As the author').check();
    assert.deepEqual(said, []);
  });

  await t.test('buttons ask for what is missing, are decided when they are pressed, and change the page', async () => {
    await visit(link({ person: 'User::"aroha.ngata"', record: CASE, inside: '1' }));
    await press(page, 'button', 'Add comment…');
    await page.getByLabel('Comment', { exact: true }).fill('Kei te pai a Leo.');
    await press(page, 'button', 'Add comment');
    await says(page, '.came', /Add comment, Aroha Ngata, 11 May 2026.* allowed, and done\. S5/);
    await press(page, 'tab', 'Activity');
    await says(page, '.entries', /Kei te pai a Leo\./);
    await press(page, 'button', 'Upload file…');
    await page.getByRole('spinbutton', { name: 'Size bytes' }).fill('20971521');
    await press(page, 'button', 'Upload file');
    await says(page, '.came', /Upload file.* denied\. S5b/);
    await press(page, 'button', 'Change primary contact…');
    await page.getByRole('combobox', { name: 'Contact' }).selectOption('User::"aroha.ngata"');
    await press(page, 'button', 'Change primary contact');
    await says(page, '.header', /Primary contact Aroha Ngata/);
    await press(page, 'button', '← Home page');
    await press(page, 'button', 'Start request…');
    await page.getByRole('combobox', { name: 'Primary contact' }).selectOption('User::"hemi.walker"');
    await press(page, 'button', 'Start request');
    await says(page, '.home', /Draft requests \(2\)/);
  });

  await t.test('through time, for two people side by side, by keyboard', async () => {
    await visit(link({ person: 'User::"aroha.ngata"', beside: 'User::"sione.fonua"', record: CASE, inside: '1' }));
    const panes = page.getByRole('article');
    const known = () => panes.evaluateAll((all) => all.map((pane) => pane.querySelector('.unknown') === null));
    const visible = (at) => ['aroha.ngata', 'sione.fonua'].map((id) => {
      const asked = { principal: { type: 'User', id }, action: 'viewSummary', resource: CASE, now: new Date(STEPS[at].now) };
      return ward.allows(worlds[at], asked);
    });
    await page.getByLabel('As the author').uncheck();
    await page.getByLabel('Step of the story').focus();
    for (let at = 0; at < STEPS.length; at += 1) {
      assert.deepEqual(await known(), visible(at), STEPS[at].title);
      await page.keyboard.press('ArrowRight');
      await settled(page);
    }
    await page.getByLabel('As the author').check();
    await press(page, 'button', 'Enrolment ends');
    await says(page, 'article', /What this step changed .*lost .*S1.* It now fails at “attendance lead or office support at the student's school”/);
  });

  await t.test('on another day, the rules of that day', async () => {
    await visit(link({ person: 'User::"aroha.ngata"' }));
    await page.getByLabel('Asked on').fill('2026-02-27T23:59');
    await settled(page);
    await says(page, '.home', /Active cases \(0\)/);
    await page.getByLabel('Asked on').fill('2026-02-28T00:00');
    await settled(page);
    await says(page, '.home', /Active cases \(1\)/);
  });

  await t.test('somebody is found by role and without macrons', async () => {
    await visit(link({}));
    await press(page, 'button', /^Look as/);
    await page.getByRole('dialog').getByLabel('Search').fill('rata college');
    await settled(page);
    await says(page, 'dialog[open]', /1 match Sione Fonua/);
    await page.getByRole('dialog').getByLabel('Search').fill('');
    await page.getByRole('dialog').getByLabel('Role').selectOption('workflow lead at');
    await settled(page);
    await says(page, 'dialog[open]', /2 matches/);
    await press(page, 'button', /Priya Sharma/);
    await says(page, '.chosen', /Priya Sharma workflow lead at Southern Attendance Service/);
    // The same by keyboard, from the top of the page.
    await page.locator('body').press('Tab');
    assert.equal(await page.evaluate(() => globalThis.document.activeElement.closest('header, main') !== null), true);
    await page.getByRole('button', { name: /^Look as/ }).focus();
    await page.keyboard.press('Enter');
    await settled(page);
    await page.keyboard.type('ngaire');
    await says(page, 'dialog[open]', /1 match/);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await says(page, '.chosen', /Ngaire Scott/);
    // And back to where it was opened.
    await page.waitForFunction(() => globalThis.document.activeElement.className === 'chosen');
    await page.getByRole('button', { name: /^Colours/ }).click();
    // What is pressed shows a moment later.
    await page.waitForFunction(() => globalThis.document.documentElement.style.colorScheme === 'dark');
    await page.getByRole('button', { name: /^Colours/ }).click();
    await page.getByRole('button', { name: /^Colours/ }).click();
  });

  await t.test('who can: each of them, by the way that leads to the record', async () => {
    await visit(link({ tab: 'who', record: CASE, person: 'User::"aroha.ngata"' }));
    const now = new Date(STEPS[0].now);
    const granted = ward.whoWithReasons(worlds[0], { resource: CASE, action: 'viewSummary', type: 'User', now });
    await says(page, 'main', new RegExp(`${granted.length} people in`));
    const shown = await page.locator('.node.people li').allInnerTexts();
    const names = granted.map(({ principal }) => STORY.content[principal].name);
    assert.deepEqual(shown.toSorted(), names.toSorted());
    const ways = (await page.locator('.way').allInnerTexts()).map((way) => way.replace(/\s+/g, ' '));
    assert.ok(ways.some((way) => /Aroha Ngata attendance lead at Kōwhai High School enrolled at Leo Tipene student Case 00098712 S1/.test(way)), ways.join('\n'));
    assert.ok(ways.some((way) => /Ngaire Scott case manager at; named as case manager Harbour Attendance Service provider Case 00098712 P2/.test(way)), ways.join('\n'));
    await press(page, 'button', 'Aroha Ngata');
    await says(page, '.decision', /Allowed S1/);
  });

  await t.test('ask: the conditions with their values, what would change it, and who could', async () => {
    await visit(link({ tab: 'ask', record: CASE, person: 'User::"aroha.ngata"', action: 'viewRecord' }));
    await says(page, '.decision', /Denied/);
    await says(page, 'main', /the prosecutions team does not hold\. principal\.ministryTeams\.contains\(MinistryTeam::"prosecutions"\) principal\.ministryTeams an empty set/);
    await says(page, 'main', /What would change it .* Who could do it 3 people: Ngaire Scott, Rangi Moana, Wiremu Kahu/);
    await page.getByLabel('Action').selectOption('uploadFile');
    await settled(page);
    await says(page, 'main', /It depends on size bytes/);
    await page.getByRole('spinbutton', { name: 'Size bytes' }).fill('20971521');
    await press(page, 'button', 'Ask with these');
    await says(page, '.decision', /Denied S5b/);
  });

  await t.test('a question becomes a case, which the command runs', async (t) => {
    const at = folder(t);
    cpSync(POLICIES, at, { recursive: true });
    const keep = async () => {
      const [saved] = await Promise.all([page.waitForEvent('download'), press(page, 'button', 'Make this a case')]);
      const text = readFileSync(await saved.path(), 'utf8');
      const made = JSON.parse(text);
      const place = (await page.locator('.keep').textContent()).includes('tests/ALLOW') ? 'ALLOW' : 'DENY';
      writeFileSync(`${at}/tests/${place}/${saved.suggestedFilename()}`, text);
      return { place, made, name: saved.suggestedFilename() };
    };
    const denied = await keep();
    assert.deepEqual([denied.place, denied.name, denied.made.rules], ['DENY', 'Aroha Ngata may not upload file, Case 00098712.json', ['S5b']]);
    await page.getByLabel('Action').selectOption('viewSupportPlan');
    await says(page, '.decision', /Allowed/);
    const allowed = await keep();
    assert.deepEqual([allowed.place, allowed.made.rules], ['ALLOW', ['S2']]);
    if (process.env.CASEWARD_COMMAND === undefined) return;
    const said = execFileSync(process.env.CASEWARD_COMMAND, ['test', '--policies', at], { encoding: 'utf8' });
    assert.match(said, /passed/);
  });

  await t.test('the matrix has every mark of the package, and goes by arrow keys', async () => {
    await visit(link({ tab: 'matrix' }));
    const golden = readFileSync(new URL('../../../policies/matrix.out', import.meta.url), 'utf8');
    const block = golden.slice(golden.indexOf('\nCase: ')).split('\n\n')[0];
    const marks = block.split('✔').length - 1;
    assert.equal(await page.locator('.matrix td.may').count(), marks);
    await page.locator('.matrix td button[tabindex="0"]').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await settled(page);
    await says(page, '.author', /Add team member, primary contact at Kauri.* P1 .*Workflow leads/);
  });

  await t.test('an edit: its problems, what it changes, and the cells of the matrix that differ', async (t) => {
    await visit(link({ tab: 'rules' }));
    await page.getByLabel('Search the policies').fill('school/S1');
    await press(page, 'button', /school\/S1\.cedar/);
    const editor = page.locator('.cm-content');
    await editor.click();
    const type = async (wanted) => {
      await page.evaluate((all) => globalThis.navigator.clipboard.writeText(all), wanted);
      await page.keyboard.press('Control+a');
      await page.keyboard.press('Control+v');
      await page.waitForTimeout(900);
      await settled(page);
    };
    const before = ward.source('school.S1');
    await type(before.replace('principal.officeSupportAt', 'principal.officeSuportAt'));
    await says(page, '.problems', /problem.*error school\/S1\.cedar:\d+ .*officeSuportAt/);
    await says(page, '.effect', /do not load/);
    await type('permit (((');
    await says(page, '.problems', /error/);
    // Office support alone: the attendance lead loses the header of both cases.
    await type(before.replace(/principal\.attendanceLeadAt/g, 'principal.officeSupportAt'));
    await says(page, '.effect', /2 decisions differ, of 13 people/);
    await says(page, '.effect', /Lost − Aroha Ngata view summary of Case 0008\d+, Case 0009\d+ ?S1/);
    await press(page, 'button', 'Matrix');
    await says(page, 'main', /\d+ cells differ\./);
    assert.match(await page.locator('td.lost button').first().getAttribute('aria-label'), /View summary, AL: no longer allowed/);
    await press(page, 'button', 'Edit');
    const [saved] = await Promise.all([page.waitForEvent('download'), press(page, 'button', 'Download the patch')]);
    const copy = folder(t);
    cpSync(POLICIES, copy, { recursive: true });
    execFileSync('git', ['apply', await saved.path()], { cwd: copy, env: { ...process.env, GIT_CEILING_DIRECTORIES: dirname(copy) } });
    assert.equal(readFileSync(`${copy}/school/S1.cedar`, 'utf8'), before.replace(/principal\.attendanceLeadAt/g, 'principal.officeSupportAt'));
    await press(page, 'button', 'Undo all');
    await says(page, '.effect', /Nothing is edited/);
    await press(page, 'button', /school\/S1\.cedar/);
    await page.locator('.cm-line', { hasText: 'resource.student has' }).getByText('student', { exact: false }).first().hover();
    await page.waitForTimeout(50);
    assert.deepEqual(said, []);
  });

  await t.test('what is edited stays with its policies, and is compared on other data', async () => {
    await visit('#of=200&tab=rules');
    await page.getByLabel('Search the policies').fill('school/S1');
    await press(page, 'button', /school\/S1\.cedar/);
    await page.locator('.cm-content').click();
    await page.evaluate((all) => globalThis.navigator.clipboard.writeText(all), ward.source('school.S1').replace('principal.attendanceLeadAt', 'principal.primaryContactAt'));
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Control+v');
    await page.waitForTimeout(900);
    await settled(page);
    await says(page, '.effect', /\d+ decisions differ, of 300 people and 2 pairs of action and type, .*Gained/);
    await press(page, 'button', 'Data');
    await press(page, 'button', 'The story of Leo');
    await press(page, 'button', 'Edit');
    await says(page, '.effect', /3 decisions differ, of 13 people/);
  });

  await t.test('a link has what is looked at, in the fragment alone, and only when it is asked for', async () => {
    await visit(link({ person: 'User::"aroha.ngata"' }));
    await press(page, 'button', '00098712');
    assert.ok(!(await page.evaluate(() => globalThis.location.href)).includes('inside'));
    await press(page, 'button', 'Copy a link');
    const copied = await page.evaluate(() => globalThis.navigator.clipboard.readText());
    const { hash, search, pathname } = new URL(copied);
    assert.deepEqual([search, pathname], ['', '/']);
    const parts = new URLSearchParams(hash.slice(1));
    assert.deepEqual([parts.get('record'), parts.get('inside'), parts.get('person')], [CASE, '1', 'User::"aroha.ngata"']);
    await page.goBack();
    await settled(page);
    await says(page, '.home', /Active cases/);
    // A link that makes no sense is no harm.
    await visit('#tab=<script>&of=1e9&step=99&now=never&person=nobody&record=User::"x"&inside=1');
    await says(page, 'h1', /Look Leo changes school/);
    await visit('#of=story&tab=ask&person=User::"nobody"&record=Case::"nothing"');
    await says(page, 'main', /Denied|nothing|nobody/);
    assert.equal(await page.locator('main script').count(), 0);
  });

  await t.test('WCAG 2.2 AA, light and dark, on a phone and enlarged four times', async () => {
    const both = ['light', 'dark'];
    const tabs = { look: both, who: both, ask: ['light'], matrix: ['dark'], rules: both, data: ['light'] };
    for (const [tab, schemes] of Object.entries(tabs)) {
      const inside = tab === 'look' ? { inside: '1', step: '1' } : {};
      await page.setViewportSize({ width: 1280, height: 900 });
      await visit(link({ tab, record: CASE, person: 'User::"ngaire.scott"', ...inside }));
      for (const colorScheme of schemes) {
        const width = colorScheme === 'light' ? 1280 : 390;
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 844 });
        assert.deepEqual(await barriers(page), [], `${tab}, ${colorScheme}, ${width}`);
        assert.equal(await overflow(page), 0, `${tab}, ${width} wide`);
      }
      // 1,280 pixels enlarged four times are 320.
      await page.setViewportSize({ width: 320, height: 256 });
      assert.equal(await overflow(page), 0, `${tab} at 400 %`);
    }
    assert.deepEqual(said, []);
  });
});

test('the story goes where the demo goes', { skip: process.env.CASEWARD_STORY === undefined && 'no CASEWARD_STORY' }, async (t) => {
  const { STORY, worldAt, STEPS } = await story(folder(t));
  const read = (name) => JSON.parse(readFileSync(`${process.env.CASEWARD_STORY}/${name}.json`, 'utf8'));
  assert.deepEqual(STORY.entities, read('before'));
  const ward = Ward.attendance();
  const [ended, after] = [worldAt(ward, STEPS.length - 1), World.read(ward, read('after'))];
  for (const { uid } of read('after')) assert.deepEqual(ended.attributes(uid), after.attributes(uid), `${uid.type} ${uid.id}`);
});
