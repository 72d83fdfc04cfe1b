// What is looked at, and how it comes to be: sources that are opened, files that are given, links, and an engine that fell.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { Trouble, engine, onRestart } from './client.ts';
import { kind } from './kinds.ts';
import { troubled } from './parts/asked.tsx';
import { fromTransfer } from './parts/files.ts';
import type { Opened, OwnFile, Source } from './shared.ts';
import { START, type State, fragment, read } from './state.ts';

type Go = (change: Partial<State>) => void;
type Opens = (opened: Opened, source: Source, change?: Partial<State>) => void;
type Open = (source: Source, change?: Partial<State>) => Promise<void>;
/** A place that has the last state, for what answers later. */
type Here = { current: State };
type Files = () => Promise<readonly OwnFile[]>;

const STOPPED = 'The engine stopped, and was started anew. What buttons had done to the data is undone; all else goes on.';
const stopped = () => new Trouble({ kind: 'stopped', message: STOPPED, problems: [] });

/** The state of the page, and all that changes it. */
export function useBench() {
  const { state, opening, here, go, opens } = useLooking();
  const [trouble, setTrouble] = useState<Trouble>();
  const [refused, setRefused] = useState<Trouble>();
  const open: Open = useCallback(async (source, change = {}) => {
    try {
      opens(await engine.load(source), source, change);
      setTrouble(undefined);
      setRefused(undefined);
    } catch (error) {
      const told = troubled(error);
      // What cannot be used is told where it was given; where nothing is open yet, at the top.
      if (told.kind === 'stopped' || here.current.opened === null) setTrouble(told);
      else setRefused(told);
    }
  }, [here, opens]);
  useLinks(open, here);
  useRestarts({ go, open, opens, here, tell: setTrouble });
  const give = useCallback((files: Files) => {
    setRefused(undefined);
    files().then((all) => open({ kind: 'own', files: [...kept(here.current.source, all), ...all] }), (error) => setRefused(troubled(error)));
  }, [here, open]);
  useDrops(go, give);
  const { said, share } = useShare(state);
  return { state, opening, go, open, give, share, said, trouble, setTrouble, refused };
}

/** The state, and what changes it. */
function useLooking() {
  const [state, setState] = useState<State>(START);
  /** What was opened how often: what one source was asked is not carried over to the next. */
  const [opening, setOpening] = useState(0);
  const here = useRef(state);
  here.current = state;
  const put = useCallback((next: State) => {
    here.current = next;
    setState(next);
  }, []);
  const go: Go = useCallback((change) => {
    const before = here.current;
    const next = { ...before, ...change };
    put(next);
    // The address stays as it is; going back works all the same.
    const { tab, record, inside } = next;
    if (tab !== before.tab || record !== before.record || inside !== before.inside) history.pushState({ tab, record, inside }, '');
    else history.replaceState({ tab, record, inside }, '');
  }, [put]);
  const opens: Opens = useCallback((opened, source, change = {}) => {
    const { tab, author, opened: before } = here.current;
    const [person] = opened.people ?? [null];
    // What was edited stays with the policies that it was edited from.
    const edited = before?.policyHash === opened.policyHash ? here.current.edited : {};
    const next = { ...START, tab, author, source, opened, edited, person, record: opened.record, ...change };
    put(next);
    setOpening((times) => times + 1);
    history.replaceState({ tab: next.tab, record: next.record, inside: next.inside }, '');
  }, [put]);
  useEffect(() => {
    const back = ({ state: kept }: PopStateEvent) => {
      if (kept !== null) put({ ...here.current, ...(kept as Partial<State>) });
    };
    addEventListener('popstate', back);
    return () => removeEventListener('popstate', back);
  }, [put]);
  return { state, opening, here, go, opens };
}

/** Opens what the address says, now and when a link is pasted into the open page. */
function useLinks(open: Open, here: Here): void {
  useEffect(() => {
    const follow = () => {
      const { step, now, source: of, ...rest } = read(location.hash);
      const source: Source = typeof of === 'number' ? { kind: 'sample', cases: of } : { kind: 'story' };
      void open(source, { tab: 'look', ...rest, moment: { step: step ?? 0, now: now ?? null, version: 0 } });
    };
    if (here.current.opened === null) follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [open, here]);
}

interface Ways {
  readonly go: Go;
  readonly open: Open;
  readonly opens: Opens;
  readonly here: Here;
  readonly tell: (trouble: Trouble) => void;
}

/** Goes on with a fresh engine, where one fell. */
function useRestarts({ go, open, opens, here, tell }: Ways): void {
  useEffect(() => onRestart((opened) => {
    const { opened: before, moment, source } = here.current;
    tell(stopped());
    if (opened !== null && opened.title === before?.title) go({ opened, moment: { ...moment, version: moment.version + 1 } });
    else if (opened !== null) opens(opened, { kind: 'story' });
    // The worker itself fell: what it fell over is not given to the next.
    else if (before !== null) void open(source.kind === 'own' ? { kind: 'story' } : source).then(() => tell(stopped()));
  }), [go, open, opens, here, tell]);
}

/** What was given before and stays: policies first, then data, each in the place of the same. */
function kept(source: Source, all: readonly OwnFile[]): readonly OwnFile[] {
  const part = ({ path }: OwnFile) => (kind(path) === 'data' ? 'data' : kind(path) === undefined ? undefined : 'policies');
  const given = new Set(all.map(part));
  return source.kind === 'own' ? source.files.filter((file) => !given.has(part(file))) : [];
}

/** A file that is dropped beside the place for it would take the page away: it is opened too. */
function useDrops(go: Go, give: (files: Files) => void): void {
  useEffect(() => {
    const over = (event: DragEvent) => event.preventDefault();
    const drop = (event: DragEvent) => {
      if (event.defaultPrevented || event.dataTransfer === null) return;
      event.preventDefault();
      go({ tab: 'data' });
      give(fromTransfer(event.dataTransfer));
    };
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  }, [go, give]);
}

/** Copies a link to what is looked at. */
function useShare(state: State): { said: string; share: () => Promise<void> } {
  const [said, setSaid] = useState('');
  const share = async () => {
    const link = new URL(fragment(state), location.href).href;
    try {
      await navigator.clipboard.writeText(link);
      setSaid(state.source.kind === 'own' ? 'A link to this part of the page is copied. It has nothing of your data.' : 'A link to what you see is copied.');
    } catch {
      setSaid(`The link: ${link}`);
    }
  };
  return { said, share };
}
