// The whole page: what is open, which part of it is looked at, and what went wrong.

import type { FunctionComponent } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { Trouble, engine, onRestart } from './client.ts';
import { Ask } from './pages/ask.tsx';
import { Data } from './pages/data.tsx';
import { Look } from './pages/look.tsx';
import { Matrix } from './pages/matrix.tsx';
import { WhoCan } from './pages/who.tsx';
import { Told, troubled } from './parts/asked.tsx';
import { fromTransfer } from './parts/files.ts';
import { kind } from './kinds.ts';
import type { Opened, OwnFile, Source } from './shared.ts';
import { START, type State, TABS, TAB_TITLES, type Tab, fragment, read } from './state.ts';

type Props = { state: State; opened: Opened; go: (change: Partial<State>) => void };
const STOPPED = 'The engine stopped, and was started anew. What buttons had done to the data is undone; all else goes on.';

type Theme = 'light dark' | 'light' | 'dark';

export function App() {
  const [state, setState] = useState<State>(START);
  const [trouble, setTrouble] = useState<Trouble>();
  const [said, setSaid] = useState('');
  const [refused, setRefused] = useState<Trouble>();
  /** What was opened how often: what one source was asked is not carried over to the next. */
  const [opening, setOpening] = useState(0);
  const here = useRef(state);
  here.current = state;

  const go = useCallback((change: Partial<State>) => {
    const next = { ...here.current, ...change };
    const moved = next.tab !== here.current.tab || next.record !== here.current.record || next.inside !== here.current.inside;
    here.current = next;
    setState(next);
    // The address stays as it is; going back works all the same.
    const { tab, record, inside } = next;
    if (moved) history.pushState({ tab, record, inside }, '');
    else history.replaceState({ tab, record, inside }, '');
  }, []);

  const opens = useCallback((opened: Opened, source: Source, change: Partial<State> = {}) => {
    const people = opened.people ?? [null, null];
    const tab = here.current.tab;
    // What was edited stays with the policies that it was edited from.
    const edited = here.current.opened?.policyHash === opened.policyHash ? here.current.edited : {};
    const next = { ...START, tab, source, opened, edited, person: people[0], record: opened.record, author: here.current.author, ...change };
    here.current = next;
    setState(next);
    setOpening((before) => before + 1);
    history.replaceState({ tab: next.tab, record: next.record, inside: next.inside }, '');
  }, []);

  const open = useCallback(async (source: Source, change: Partial<State> = {}) => {
    try {
      opens(await engine.load(source), source, change);
      setTrouble(undefined);
      setRefused(undefined);
    } catch (error) {
      const told = troubled(error);
      if (told.kind !== 'stopped') setRefused(told);
      setTrouble(here.current.opened === null || told.kind === 'stopped' ? told : undefined);
    }
  }, [opens]);

  useEffect(() => {
    const follow = () => {
      const { step, now, source: of, ...rest } = read(location.hash);
      const source: Source = typeof of === 'number' ? { kind: 'sample', cases: of } : { kind: 'story' };
      void open(source, { tab: 'look', ...rest, moment: { step: step ?? 0, now: now ?? null, version: 0 } });
    };
    follow();
    // A link that is pasted into the open page.
    addEventListener('hashchange', follow);
    const back = ({ state: kept }: PopStateEvent) => {
      if (kept === null) return;
      const next = { ...here.current, ...(kept as Partial<State>) };
      here.current = next;
      setState(next);
    };
    addEventListener('popstate', back);
    const off = onRestart((opened) => {
      const { opened: before, moment, source: was } = here.current;
      setTrouble(new Trouble({ kind: 'stopped', message: STOPPED, problems: [] }));
      const same = opened !== null && opened.title === before?.title;
      if (same) go({ opened, moment: { ...moment, version: moment.version + 1 } });
      else if (opened !== null) opens(opened, { kind: 'story' });
      else if (before !== null) void open(was.kind === 'own' ? { kind: 'story' } : was).then(() => setTrouble(new Trouble({ kind: 'stopped', message: STOPPED, problems: [] })));
    });
    return () => {
      removeEventListener('hashchange', follow);
      removeEventListener('popstate', back);
      off();
    };
  }, [go, open, opens]);

  const own = (files: () => Promise<readonly OwnFile[]>) => {
    setRefused(undefined);
    files().then(
      (all) => {
        // What was given before stays, unless there is the same again: policies first, then data.
        const part = ({ path }: OwnFile) => (kind(path) === 'data' ? 'data' : kind(path) === undefined ? undefined : 'policies');
        const given = new Set(all.map(part));
        const { source } = here.current;
        const kept = source.kind === 'own' ? source.files.filter((file) => !given.has(part(file))) : [];
        return open({ kind: 'own', files: [...kept, ...all] });
      },
      (error) => setRefused(troubled(error)),
    );
  };

  // A file that is dropped beside the place for it would take the page away: it is opened too.
  const dropped = useRef(own);
  dropped.current = own;
  useEffect(() => {
    const over = (event: DragEvent) => event.preventDefault();
    const drop = (event: DragEvent) => {
      if (event.defaultPrevented || event.dataTransfer === null) return;
      event.preventDefault();
      go({ tab: 'data' });
      dropped.current(fromTransfer(event.dataTransfer));
    };
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  }, [go]);

  const share = async () => {
    const link = new URL(fragment(state), location.href).href;
    try {
      await navigator.clipboard.writeText(link);
      setSaid(state.source.kind === 'own' ? 'A link to this part of the page is copied. It has nothing of your data.' : 'A link to what you see is copied.');
    } catch {
      setSaid(`The link: ${link}`);
    }
  };

  const { opened, tab } = state;
  return (
    <>
      <Header {...{ tab, share }} onTab={(next) => go({ tab: next })} />
      <main id="main" tabIndex={-1}>
        <p class="said" role="status">{said}</p>
        {trouble !== undefined && (
          <div class="stopped">
            <Told trouble={trouble} />
            <button type="button" class="plain" onClick={() => setTrouble(undefined)}>Close this message</button>
          </div>
        )}
        {opened === null ? trouble === undefined && <p class="loading" role="status">The rules are being loaded…</p> : (
          <div key={opening}>
            <h1>{TAB_TITLES[tab]}<span class="soft"> {opened.title}</span></h1>
            {tab === 'look' && <Look {...{ state, opened, go }} />}
            {tab === 'who' && <WhoCan {...{ state, opened, go }} />}
            {tab === 'ask' && <Ask {...{ state, opened, go }} />}
            {tab === 'matrix' && <Matrix {...{ state, opened }} />}
            {tab === 'rules' && <Rules {...{ state, opened, go }} />}
            {tab === 'data' && <Data {...{ state, opened, open }} trouble={refused} onFiles={own} />}
          </div>
        )}
      </main>
    </>
  );
}

function Header({ tab, onTab, share }: { tab: Tab; onTab: (tab: Tab) => void; share: () => void }) {
  const [theme, setTheme] = useState<Theme>('light dark');
  const next: Record<Theme, Theme> = { 'light dark': 'dark', dark: 'light', light: 'light dark' };
  const names: Record<Theme, string> = { 'light dark': 'as the system', dark: 'dark', light: 'light' };
  useEffect(() => {
    document.documentElement.style.colorScheme = theme;
  }, [theme]);
  return (
    <header>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>To the content</button>
      <p class="brand">Caseward <span>workbench</span></p>
      <nav aria-label="Parts">
        <ul>
          {TABS.map((one) => (
            <li key={one}><button type="button" aria-current={one === tab ? 'page' : undefined} onClick={() => onTab(one)}>{TAB_TITLES[one]}</button></li>
          ))}
        </ul>
      </nav>
      <div class="tools">
        <button type="button" class="plain" onClick={share}>Copy a link</button>
        <button type="button" class="plain" onClick={() => setTheme(next[theme])}>Colours: {names[theme]}</button>
      </div>
    </header>
  );
}

/** The editor is large, and is fetched with the part that has it. */
function Rules(props: Props) {
  const [Editor, setEditor] = useState<FunctionComponent<Props>>();
  const [trouble, setTrouble] = useState<Trouble>();
  useEffect(() => {
    import('./pages/rules.tsx').then(({ Rules: loaded }) => setEditor(() => loaded), (error) => setTrouble(troubled(error)));
  }, []);
  if (trouble !== undefined) return <Told trouble={trouble} />;
  return Editor === undefined ? <p class="loading">The editor is being loaded…</p> : <Editor {...props} />;
}
