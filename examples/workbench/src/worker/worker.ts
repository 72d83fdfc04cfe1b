// The worker: the engine and the data live here, and the page asks. Nothing in it reaches out of the page.

import { CasewardError, init } from 'caseward';

import type { Opened } from '../shared.ts';
import { act } from './acts.ts';
import { asks, changed, why, withheld } from './author.ts';
import { caseOf } from './cases.ts';
import { choices, home, record, start } from './look.ts';
import { delta, grid, problems, speaking, stop, texts, tidy } from './rules.ts';
import { again, load } from './scene.ts';
import { who } from './who.ts';

export const api = {
  act, asks, caseOf, changed, choices, delta, grid, home, load, problems, record, speaking, start, stop, texts, tidy, why, who, withheld,
};

/** What the page can ask. */
export type Api = typeof api;

/** An error as it crosses over. */
export interface Failure {
  readonly kind: string;
  readonly message: string;
  readonly problems: readonly unknown[];
  /** Where the engine had to be started anew: what is open now. */
  readonly again?: Opened | null;
}

const ready = init(new URL('caseward_bg.wasm', import.meta.url));

self.onmessage = async ({ data: { id, name, args } }: MessageEvent<{ id: number; name: keyof Api; args: unknown[] }>) => {
  try {
    await ready;
    const work = api[name] as (...args: unknown[]) => unknown;
    self.postMessage({ id, value: await work(...args) });
  } catch (error) {
    self.postMessage({ id, failure: failure(error) });
  }
};

function failure(error: unknown): Failure {
  if (!(error instanceof CasewardError)) {
    return { kind: 'page', message: error instanceof Error ? error.message : String(error), problems: [] };
  }
  const { kind, message, problems } = error;
  if (kind !== 'stopped') return { kind, message, problems };
  // The wards and worlds that there were are gone: what is open is made again, where it can be.
  try {
    return { kind, message, problems, again: again() ?? null };
  } catch {
    return { kind, message, problems, again: load({ kind: 'story' }) };
  }
}
