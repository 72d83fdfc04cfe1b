// What is open: the story, sample data, or somebody's own files, which stay in the page.

import { useRef, useState } from 'preact/hooks';

import type { Trouble } from '../client.ts';
import { Told } from '../parts/asked.tsx';
import { fromInput, fromTransfer } from '../parts/files.ts';
import type { Opened, OwnFile, Source } from '../shared.ts';
import type { State } from '../state.ts';
import { title } from '../words.ts';

interface Props {
  readonly state: State;
  readonly opened: Opened;
  readonly open: (source: Source) => Promise<void>;
  readonly trouble: Trouble | undefined;
  readonly onFiles: (files: () => Promise<readonly OwnFile[]>) => void;
}

export function Data({ opened, open, trouble, onFiles }: Props) {
  const [over, setOver] = useState(false);
  const folder = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  return (
    <>
      <section>
        <h2>{opened.title}</h2>
        <p>{opened.policyCount} policies, <code>{opened.policyHash.slice(0, 12)}</code>.</p>
        <ul class="counts">{opened.types.map(({ type, count }) => <li key={type}><strong>{count.toLocaleString('en-NZ')}</strong> {title(type)}</li>)}</ul>
      </section>
      <section>
        <h2>Open something else</h2>
        <div class="buttons">
          <button type="button" onClick={() => void open({ kind: 'story' })}>The story of Leo</button>
          <button type="button" onClick={() => void open({ kind: 'sample', cases: 200 })}>Sample: 200 cases</button>
          <button type="button" onClick={() => void open({ kind: 'sample', cases: 10_000 })}>Sample: 10,000 cases</button>
        </div>
      </section>
      <section>
        <h2>Your own</h2>
        <p>A folder of policies, a file of entities in Cedar's JSON, or a snapshot, together or one after the other. They are read in this page: nothing is sent anywhere.</p>
        {/* biome-ignore lint/a11y/noStaticElementInteractions: the buttons in it do the same by keyboard */}
        <div
          class={over ? 'drop over' : 'drop'}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            const { dataTransfer } = event;
            if (dataTransfer !== null) onFiles(fromTransfer(dataTransfer));
          }}
        >
          <p>Drop them here, or</p>
          <div class="buttons">
            <button type="button" onClick={() => folder.current?.click()}>Choose a folder</button>
            <button type="button" onClick={() => files.current?.click()}>Choose files</button>
          </div>
          <input
            ref={(element) => {
              folder.current = element;
              element?.setAttribute('webkitdirectory', '');
            }}
            type="file" hidden multiple aria-label="A folder of policies" onChange={(event) => onFiles(fromInput(event.currentTarget))}
          />
          <input ref={files} type="file" hidden multiple aria-label="Policies or data" onChange={(event) => onFiles(fromInput(event.currentTarget))} />
        </div>
        {trouble !== undefined && <Told trouble={trouble} />}
      </section>
    </>
  );
}
