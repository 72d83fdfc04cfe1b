// Choosing somebody or something among many, by typing: a button that opens a dialog.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { engine } from '../client.ts';
import type { Choice, Moment, Name } from '../shared.ts';
import { count, title } from '../words.ts';
import { Answered, useAsked } from './asked.tsx';

interface Props {
  readonly label: string;
  readonly moment: Moment;
  readonly types: readonly string[];
  readonly now: { readonly title: string; readonly about?: string } | null;
  readonly onChoose: (choice: Choice) => void;
  readonly plain?: boolean;
  readonly children?: ComponentChildren;
}

export function Chooser({ label, moment, types, now, onChoose, plain, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  const show = () => {
    setOpen(true);
    dialog.current?.showModal();
  };
  return (
    <div class="chooser">
      <button type="button" class={plain ? 'plain' : 'chosen'} onClick={show} aria-haspopup="dialog">
        {children ?? (
          <>
            <span class="label">{label}</span>
            <span class="title">{now?.title ?? 'nobody chosen'}</span>
            {now?.about ? <span class="soft">{now.about}</span> : null}
          </>
        )}
      </button>
      <dialog ref={dialog} aria-label={label} onClose={() => setOpen(false)}>
        {open && <Search label={label} moment={moment} types={types} onChoose={(one) => {
          dialog.current?.close();
          onChoose(one);
        }} onClose={() => dialog.current?.close()} />}
      </dialog>
    </div>
  );
}

function Search({ label, moment, types, onChoose, onClose }: {
  label: string; moment: Moment; types: readonly string[]; onChoose: (choice: Choice) => void; onClose: () => void;
}) {
  const [type, setType] = useState(types[0] ?? '');
  const [search, setSearch] = useState('');
  const [facet, setFacet] = useState('');
  const asked = useAsked(() => engine.choices(moment, type, search, facet), [moment, type, search, facet]);
  const facets = asked.value?.facets ?? [];
  // The dialog was opened to type here; it is filled after it opens.
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <div class="search">
      <div class="heading">
        <h2>{label}</h2>
        <button type="button" class="plain" onClick={onClose}>Close</button>
      </div>
      <div class="fields">
        {types.length > 1 && (
          <label>
            Kind
            <select value={type} onChange={(event) => {
              setType(event.currentTarget.value);
              setFacet('');
            }}>
              {types.map((one) => <option key={one} value={one}>{title(one)}</option>)}
            </select>
          </label>
        )}
        <label>
          Search
          <input ref={field} type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
        {facets.length > 1 && (
          <label>
            Role
            <select value={facet} onChange={(event) => setFacet(event.currentTarget.value)}>
              <option value="">any</option>
              {facets.map((one) => <option key={one} value={one}>{one}</option>)}
            </select>
          </label>
        )}
      </div>
      <Answered asked={asked}>
        {({ found, total, names }) => (
          <>
            <p class="soft" role="status">{count(total, 'match', 'matches')}{total > found.length ? `, of which ${found.length} are shown` : ''}{names ? '. Names alone are searched' : ''}</p>
            <ul class="choices">
              {found.map((one) => (
                <li key={one.name}>
                  <button type="button" onClick={() => onChoose(one)}>
                    <span class="title">{one.title}</span>
                    <span class="soft">{one.about || 'no role'}</span>
                  </button>
                </li>
              ))}
            </ul>
          </>
        )}
      </Answered>
    </div>
  );
}

/** The last part of an entity's name, where nothing better is known. */
export function idOf(name: Name): string {
  return name.replace(/^.*?::"(.*)"$/s, '$1');
}
