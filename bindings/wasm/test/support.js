// What the tests share.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { CasewardError, Ward } from 'caseward';

/** The root of the repository. */
export const ROOT = new URL('../../../', import.meta.url);

/** The rules, loaded once for all tests of a file. */
let loaded;
export function attendance() {
  loaded ??= Ward.attendance();
  return loaded;
}

/** 11 May 2026, 9 a.m. in Wellington. */
export const NOW = new Date('2026-05-10T21:00:00Z');

/** Asserts that `work` throws a `CasewardError` of a kind, whose message matches. */
export function refuses(work, kind, message) {
  assert.throws(work, (error) => {
    assert.ok(error instanceof CasewardError, `${error?.stack}`);
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    return true;
  });
}

/** What the native build answers: lines that `cargo run --example answers` wrote. */
export function answers() {
  const path = process.env.CASEWARD_ANSWERS;
  assert.ok(path, 'CASEWARD_ANSWERS names the file that `answers` wrote: see .ci/parts');
  return readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
}
