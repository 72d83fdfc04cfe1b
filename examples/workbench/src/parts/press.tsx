// A button of somebody's page: it asks for what is missing, is decided when it is pressed, and says what came of it.

import { useRef, useState } from 'preact/hooks';

import { engine } from '../client.ts';
import type { Button, Moment, Name } from '../shared.ts';
import type { Outcome } from '../worker/acts.ts';
import { Told, troubled } from './asked.tsx';
import type { Trouble } from '../client.ts';

interface Props {
  readonly moment: Moment;
  readonly person: Name;
  readonly record: Name;
  readonly button: Button;
  readonly onDone: (outcome: Outcome) => void;
}

/** Actions that come with a text of their own. */
const TEXT: Readonly<Record<string, string>> = {
  addComment: 'Comment', uploadFile: 'File name', updateRecord: 'Note', recordAgencyResponse: 'Answer of the agency',
};

export function Press({ moment, person, record, button, onDone }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [trouble, setTrouble] = useState<Trouble>();
  const [open, setOpen] = useState(false);
  const asks = button.needs.length > 0 || button.action in TEXT;
  const run = (context: Record<string, unknown>, text: string) => {
    engine.act(moment, person, button.action, record, context, text).then(
      (outcome) => {
        dialog.current?.close();
        onDone(outcome);
      },
      (error) => setTrouble(troubled(error)),
    );
  };
  const press = () => {
    setTrouble(undefined);
    if (!asks) {
      run({}, '');
      return;
    }
    setOpen(true);
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" onClick={press} aria-haspopup={asks ? 'dialog' : undefined}>{button.title}{asks ? '…' : ''}</button>
      {!asks && trouble !== undefined && <Told trouble={trouble} />}
      {asks && (
        <dialog ref={dialog} aria-label={button.title} onClose={() => setOpen(false)}>
          {open && (
            <form ref={first} onSubmit={(event) => {
              event.preventDefault();
              const form = new FormData(event.currentTarget);
              run(contextOf(button, form), String(form.get(':text') ?? ''));
            }}>
              <h2>{button.title}</h2>
              {button.action in TEXT && <label>{TEXT[button.action]}<textarea name=":text" rows={3} /></label>}
              {button.needs.map((need) => <Field key={need.field} need={need} />)}
              {trouble !== undefined && <Told trouble={trouble} />}
              <div class="buttons">
                <button type="submit" class="main">{button.title}</button>
                <button type="button" class="plain" onClick={() => dialog.current?.close()}>Cancel</button>
              </div>
            </form>
          )}
        </dialog>
      )}
    </>
  );
}

/** A form that opens is begun at its first field. */
function first(form: HTMLFormElement | null): void {
  form?.querySelector<HTMLElement>('input, select, textarea')?.focus();
}

/** A field for what an action asks for. */
export function Field({ need }: { need: Button['needs'][number] }) {
  const { field, type, required, choices, values, left } = need;
  const label = `${need.title}${required ? '' : ' (may be left out)'}${left > 0 ? ` (the first ${choices.length}, of ${choices.length + left})` : ''}`;
  if (type === 'Bool') {
    return (
      <label class="check"><input type="checkbox" name={field} /> {need.title}
        {values !== null && <span class="soft"> (allowed with {values.map(String).join(' or ')})</span>}
      </label>
    );
  }
  if (choices.length > 0) {
    return (
      <label>{label}
        <select name={field} required={required}>
          {!required && <option value="">left out</option>}
          {choices.map((choice) => <option key={choice.name} value={choice.name}>{choice.title}{choice.about ? `: ${choice.about}` : ''}</option>)}
        </select>
      </label>
    );
  }
  if (type === 'Long') return <label>{label}<input type="number" name={field} required={required} step={1} defaultValue="4096" /></label>;
  const given = values?.filter((value) => typeof value === 'string') ?? [];
  if (given.length > 0) {
    return <label>{label}<select name={field}>{given.map((value) => <option key={String(value)}>{String(value)}</option>)}</select></label>;
  }
  return <label>{label}<input type="text" name={field} required={required} /></label>;
}

/** The context that a form gives. */
export function contextOf(button: { readonly needs: readonly { field: string; type: string; choices: readonly { name: string }[] }[] }, form: FormData): Record<string, unknown> {
  const pairs = button.needs.flatMap(({ field, type, choices }): [string, unknown][] => {
    const value = form.get(field);
    if (type === 'Bool') return [[field, value !== null]];
    if (value === null || value === '') return [];
    if (type === 'Long') return [[field, Number(value)]];
    if (choices.length === 0) return [[field, String(value)]];
    const [, of = '', id = '""'] = /^(.*?)::(".*")$/s.exec(String(value)) ?? [];
    return [[field, { type: of, id: JSON.parse(id) }]];
  });
  return Object.fromEntries(pairs);
}

/** What came of a button, said. */
export function Came({ outcome }: { outcome: Outcome | undefined }) {
  return (
    <div role="status" class="came">
      {outcome !== undefined && (
        <p class={outcome.allowed ? 'allowed' : 'denied'}>
          {outcome.said} {outcome.rules.map((rule) => <span key={rule} class="rule">{rule}</span>)}
        </p>
      )}
    </div>
  );
}
