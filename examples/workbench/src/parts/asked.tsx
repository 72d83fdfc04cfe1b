// Questions to the engine in a component: the last answer stays while the next is on its way, so that nothing jumps.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { Trouble } from '../client.ts';

export interface Asked<T> {
  readonly value: T | undefined;
  readonly trouble: Trouble | undefined;
  readonly busy: boolean;
}

/** Asks again whenever `by` changes. */
export function useAsked<T>(ask: () => Promise<T> | undefined, by: readonly unknown[]): Asked<T> {
  const [state, set] = useState<Asked<T>>({ value: undefined, trouble: undefined, busy: true });
  const key = JSON.stringify(by);
  useEffect(() => {
    let current = true;
    const asked = ask();
    if (asked === undefined) {
      set({ value: undefined, trouble: undefined, busy: false });
      return undefined;
    }
    set((before) => ({ ...before, busy: true }));
    asked.then(
      (value) => current && set({ value, trouble: undefined, busy: false }),
      (error) => current && set({ value: undefined, trouble: troubled(error), busy: false }),
    );
    return () => {
      current = false;
    };
  }, [key]);
  return state;
}

export function troubled(error: unknown): Trouble {
  if (error instanceof Trouble) return error;
  return new Trouble({ kind: 'page', message: error instanceof Error ? error.message : String(error), problems: [] });
}

/** An answer, or that it is on its way, or what went wrong. */
export function Answered<T>({ asked, children }: { asked: Asked<T>; children: (value: T) => ComponentChildren }) {
  const { value, trouble, busy } = asked;
  if (trouble !== undefined) return <Told trouble={trouble} />;
  if (value === undefined) return busy ? <p class="loading">Asking…</p> : null;
  return <div class={busy ? 'answer busy' : 'answer'} aria-busy={busy}>{children(value)}</div>;
}

/** What went wrong, where it belongs. */
export function Told({ trouble }: { trouble: Trouble }) {
  const shown = trouble.problems.slice(0, 20);
  return (
    <div class="trouble" role="alert">
      <p>{trouble.message}</p>
      {shown.length > 0 && (
        <ul>
          {shown.map(({ message, source, line, help }, at) => (
            <li key={at}>
              {source ? <code>{source}{line ? `:${line}` : ''}</code> : null} {message}
              {help ? <><br /><span class="soft">{help}</span></> : null}
            </li>
          ))}
        </ul>
      )}
      {trouble.problems.length > shown.length && <p>{trouble.problems.length - shown.length} more.</p>}
    </div>
  );
}
