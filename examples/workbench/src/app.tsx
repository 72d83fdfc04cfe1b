// The whole page: its header, and the part of it that is looked at.

import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { useBench } from './bench.ts';
import type { Trouble } from './client.ts';
import { Ask } from './pages/ask.tsx';
import { Data } from './pages/data.tsx';
import { Look } from './pages/look.tsx';
import { Matrix } from './pages/matrix.tsx';
import { WhoCan } from './pages/who.tsx';
import { Told, troubled } from './parts/asked.tsx';
import type { Opened } from './shared.ts';
import { type State, TABS, TAB_TITLES, type Tab } from './state.ts';

type Props = { state: State; opened: Opened; go: (change: Partial<State>) => void };
type Theme = 'light dark' | 'light' | 'dark';

export function App() {
  const { state, opening, go, open, give, share, said, trouble, setTrouble, refused } = useBench();
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
            {tab === 'data' && <Data {...{ state, opened, open }} trouble={refused} onFiles={give} />}
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
