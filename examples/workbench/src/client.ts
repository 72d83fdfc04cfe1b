// The page's side of the worker: a call a question, and a fresh worker where one falls.

import type { Opened } from './shared.ts';
import type { Api, Failure } from './worker/worker.ts';

/** What went wrong, as it is told to the person. */
export class Trouble extends Error {
  readonly kind: string;
  readonly problems: readonly { message: string; source?: string; line?: number | null; help?: string | null }[];

  constructor({ kind, message, problems }: Failure) {
    super(message);
    this.kind = kind;
    this.problems = problems as Trouble['problems'];
  }
}

type Asked = { [Name in keyof Api]: (...args: Parameters<Api[Name]>) => Promise<Awaited<ReturnType<Api[Name]>>> };
type Waiting = { resolve: (value: never) => void; reject: (error: unknown) => void };

let worker: Worker | undefined;
let next = 0;
/** How often in a row a worker fell before it answered. */
let falls = 0;
const MOST_FALLS = 2;
const waiting = new Map<number, Waiting>();
const listeners = new Set<(opened: Opened | null) => void>();

/** Calls back when the engine was started anew: with what is open now, or null where the page is to open something. */
export function onRestart(listener: (opened: Opened | null) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function start(): Worker {
  const made = new Worker(new URL('worker.js', import.meta.url), { type: 'module', name: 'caseward' });
  made.onmessage = ({ data: { id, value, failure } }) => {
    const one = waiting.get(id);
    waiting.delete(id);
    falls = 0;
    if (failure === undefined) {
      one?.resolve(value as never);
      return;
    }
    one?.reject(new Trouble(failure as Failure));
    if (failure.again !== undefined) for (const listener of listeners) listener(failure.again);
  };
  made.onerror = (event) => {
    event.preventDefault();
    fall(event.message || 'the worker could not be started');
  };
  return made;
}

/** The worker itself fell: whatever waited is told so, and the next question starts another. */
function fall(message: string): void {
  worker?.terminate();
  worker = undefined;
  const all = [...waiting.values()];
  waiting.clear();
  for (const { reject } of all) reject(new Trouble({ kind: 'stopped', message: `the engine's worker stopped: ${message}`, problems: [] }));
  falls += 1;
  if (falls <= MOST_FALLS) for (const listener of listeners) listener(null);
}

function call(name: string, args: unknown[]): Promise<never> {
  worker ??= start();
  next += 1;
  const id = next;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker?.postMessage({ id, name, args });
  });
}

/** The engine, as the page asks it. */
export const engine = new Proxy({} as Asked, {
  get: (_, name: string) => (...args: unknown[]) => call(name, args),
});
