// Edit: the policies in an editor, their problems as they are typed, and what an edit changes in the data that is open.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { engine } from '../client.ts';
import { Answered, Told, troubled, useAsked } from '../parts/asked.tsx';
import { download } from '../parts/download.ts';
import { type Editor, makeEditor } from '../parts/editor.ts';
import type { Trouble } from '../client.ts';
import type { Delta, DeltaLine, Moment, Opened } from '../shared.ts';
import type { State } from '../state.ts';
import { count, folded, some, title } from '../words.ts';
import type { Marked } from '../worker/rules.ts';

interface Props {
  readonly state: State;
  readonly opened: Opened;
  readonly go: (change: Partial<State>) => void;
}

/** People whose lists are compared. */
const MOST = 500;

export function Rules({ state, opened, go }: Props) {
  const texts = useAsked(() => engine.texts(), [opened.policyHash]);
  return <Answered asked={texts}>{(value) => <Bench {...{ state, opened, go }} texts={value} />}</Answered>;
}

type Texts = Awaited<ReturnType<typeof engine.texts>>;

function Bench({ state, go, texts }: Props & { texts: Texts }) {
  const { edited } = state;
  const [file, setFile] = useState(() => texts.policies[0]?.file ?? '');
  const [found, setFound] = useState<Readonly<Record<string, readonly Marked[]>>>({});
  const [trouble, setTrouble] = useState<Trouble>();
  const current = useRef(edited);
  current.current = edited;

  const change = useCallback((name: string, text: string) => {
    const { [name]: _, ...rest } = current.current;
    go({ edited: text === texts.files[name] ? rest : { ...rest, [name]: text } });
  }, [go, texts]);

  const check = useCallback(async (name: string, text: string): Promise<readonly Marked[]> => {
    const now = await engine.problems(name, text);
    setFound((before) => ({ ...before, [name]: now }));
    return now;
  }, []);

  const text = edited[file] ?? texts.files[file] ?? '';
  const marks = Object.values(found).flat();
  const errors = marks.filter(({ severity }) => severity === 'error');
  const changed = Object.keys(edited);
  const tidy = async () => {
    try {
      change(file, await engine.tidy(text, file));
      setTrouble(undefined);
    } catch (error) {
      setTrouble(troubled(error));
    }
  };
  return (
    <div class="bench">
      <Files texts={texts} edited={edited} file={file} onChoose={setFile} />
      <section class="editing" aria-label={`Policy ${file}`}>
        <div class="buttons">
          <strong>{file}</strong>
          <button type="button" class="plain" onClick={() => void tidy()}>Format</button>
          <button type="button" class="plain" disabled={!(file in edited)} onClick={() => change(file, texts.files[file] ?? '')}>Undo this file</button>
          <button type="button" class="plain" disabled={changed.length === 0} onClick={() => {
            setFound({});
            go({ edited: {} });
          }}>Undo all</button>
          <button type="button" class="plain" disabled={changed.length === 0} onClick={() => download('policies.patch', patch(texts.files, edited))}>Download the patch</button>
        </div>
        <Code {...{ file, text }} schema={texts.schema} onChange={change} onCheck={check} />
        {trouble !== undefined && <Told trouble={trouble} />}
        <Problems marks={marks} onChoose={setFile} />
      </section>
      <section class="effect" aria-label="What the edit changes">
        <h2>What the edit changes</h2>
        {changed.length === 0 ? <p class="soft">Nothing is edited. Change a condition, and see who gains and who loses what.</p>
          : errors.length > 0 ? <p class="soft">The policies do not load: what the edit changes shows when they do.</p>
            : <Changes moment={state.moment} edited={edited} />}
      </section>
    </div>
  );
}

function Files({ texts, edited, file, onChoose }: { texts: Texts; edited: Props['state']['edited']; file: string; onChoose: (file: string) => void }) {
  const [search, setSearch] = useState('');
  const wanted = folded(search);
  const found = texts.policies.filter(({ file: name, rule, description }) => folded(`${name} ${rule} ${description}`).includes(wanted));
  return (
    <section class="files" aria-label="Policies">
      <label>Search the policies<input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} /></label>
      <ul class="choices">
        {found.map(({ id, file: name, rule, description }) => (
          <li key={id}>
            <button type="button" aria-current={name === file ? 'true' : undefined} onClick={() => onChoose(name)}>
              <span class="title"><span class="rule">{rule ?? id}</span> {name}{name in edited ? ' (edited)' : ''}</span>
              <span class="soft">{description}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The editor, in a shadow of its own: its styles come as sheets, which the page's security policy lets in. */
function Code({ file, text, schema, onChange, onCheck }: {
  file: string; text: string; schema: string; onChange: (file: string, text: string) => void; onCheck: (file: string, text: string) => Promise<readonly Marked[]>;
}) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  // An editor a file; its text is given below.
  useEffect(() => {
    if (host.current === null) return undefined;
    const made = makeEditor(host.current, text, {
      label: `Policy ${file}`,
      schema,
      change: (next) => onChange(file, next),
      check: (next) => onCheck(file, next),
    });
    editor.current = made;
    return () => made.destroy();
  }, [file]);
  useEffect(() => editor.current?.show(text), [text]);
  return <div ref={host} class="code" />;
}

function Problems({ marks, onChoose }: { marks: readonly Marked[]; onChoose: (file: string) => void }) {
  return (
    <div class="problems" role="status">
      <h2>{marks.length === 0 ? 'No problems' : count(marks.length, 'problem')}</h2>
      <ul>
        {marks.slice(0, 20).map(({ source, severity, message, help, line }, at) => (
          <li key={at} class={severity}>
            <strong>{severity}</strong>{' '}
            {source === '' ? null : <button type="button" class="link" onClick={() => onChoose(source)}>{source}{line === null ? '' : `:${line}`}</button>} {message}
            {help === null ? null : <span class="soft"> {help}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Changes({ moment, edited }: { moment: Moment; edited: Props['state']['edited'] }) {
  const asked = useAsked(() => new Promise<Delta>((resolve, reject) => {
    // Typing goes before comparing.
    setTimeout(() => engine.delta(moment, edited, MOST).then(resolve, reject), 400);
  }), [moment, edited]);
  useEffect(() => () => void engine.stop(), []);
  return (
    <Answered asked={asked}>
      {({ gained, lost, people, ofPeople, questions, left, total, stopped }) => (
        <>
          <p role="status"><strong>{total === 0 ? 'No decision differs' : `${count(total, 'decision')} differ`}</strong>, of {people < ofPeople ? `the first ${people} of ${ofPeople} people` : count(people, 'person', 'people')} and {count(questions, 'pair')} of action and type, on all records that are open{stopped ? ', up to where it was stopped' : ''}.</p>
          <Lines heading="Gained" sign="+" kind="gained" lines={gained} />
          <Lines heading="Lost" sign="−" kind="lost" lines={lost} />
          {left.length > 0 && <p class="soft">Not compared, since they ask for more than the time: {some(left.map((one) => title(one)), 20)}.</p>}
        </>
      )}
    </Answered>
  );
}

function Lines({ heading, sign, kind, lines }: { heading: string; sign: string; kind: string; lines: readonly DeltaLine[] }) {
  if (lines.length === 0) return null;
  return (
    <section>
      <h3>{heading}</h3>
      <ul class="delta">
        {lines.map(({ person, roles, action, records, count: number, rules }, at) => (
          <li key={at}>
            <span class={`sign ${kind}`}>{sign}</span> <strong>{person}</strong> {title(action).toLowerCase()} of {some(records, 3)}{number > records.length ? `, ${number} in all` : ''}
            {rules.map((rule) => <span key={rule} class="rule">{rule}</span>)} <span class="soft">{roles}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The edit as a patch that `git apply` takes: every changed file as a whole. */
function patch(files: Readonly<Record<string, string>>, edited: Readonly<Record<string, string>>): string {
  const parts = Object.entries(edited).map(([name, text]) => {
    const before = files[name] ?? '';
    const lines = (all: string) => all.replace(/\n$/, '').split('\n');
    const part = (sign: string, all: string) =>
      lines(all).map((line) => `${sign}${line}\n`).join('') + (all.endsWith('\n') ? '' : '\\ No newline at end of file\n');
    return `--- a/${name}\n+++ b/${name}\n@@ -1,${lines(before).length} +1,${lines(text).length} @@\n${part('-', before)}${part('+', text)}`;
  });
  return parts.join('');
}
