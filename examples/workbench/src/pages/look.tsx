// Look as a person: their home page, the page of a record, and beside it what somebody else has of the same.

import { useState } from 'preact/hooks';

import { engine } from '../client.ts';
import { Answered, useAsked } from '../parts/asked.tsx';
import { Record as RecordPage } from '../parts/record.tsx';
import { Rows } from '../parts/rows.tsx';
import { Time } from '../parts/time.tsx';
import { Chooser, idOf } from '../parts/chooser.tsx';
import { Start } from '../parts/start.tsx';
import type { Moment, Name, Opened } from '../shared.ts';
import type { State } from '../state.ts';
import { some } from '../words.ts';

interface Props {
  readonly state: State;
  readonly opened: Opened;
  readonly go: (change: Partial<State>) => void;
}

export function Look({ state, opened, go }: Props) {
  const { moment, person, beside } = state;
  const types = [opened.principals];
  return (
    <>
      <Time opened={opened} moment={moment} onChange={(next) => go({ moment: next })} />
      <div class="options">
        <label class="check">
          <input type="checkbox" checked={state.author} onChange={(event) => go({ author: event.currentTarget.checked })} />
          As the author: show what is withheld, and by which rule
        </label>
        {beside === null ? (
          <Chooser label="Put somebody beside" moment={moment} types={types} now={null} plain onChoose={({ name }) => go({ beside: name })}>
            Put somebody beside
          </Chooser>
        ) : (
          <button type="button" class="plain" onClick={() => go({ beside: null })}>One person alone</button>
        )}
      </div>
      <div class={beside === null ? 'panes' : 'panes two'}>
        {person !== null && <Pane {...{ state, opened, go, person }} onPerson={(name) => go({ person: name })} />}
        {beside !== null && <Pane {...{ state, opened, go }} person={beside} onPerson={(name) => go({ beside: name })} />}
      </div>
    </>
  );
}

function Pane({ state, opened, go, person, onPerson }: Props & { person: Name; onPerson: (name: Name) => void }) {
  const { moment, record, inside, author } = state;
  const [search, setSearch] = useState('');
  const [most, setMost] = useState(25);
  const home = useAsked(() => engine.home(moment, person, search, most), [moment, person, search, most]);
  const now = home.value === undefined ? { title: idOf(person) } : { title: home.value.title, about: home.value.about || 'no role' };
  const open = (name: Name) => go({ record: name, inside: true });
  return (
    <article class="pane" aria-label={`As ${now.title}`}>
      <Chooser label="Look as" moment={moment} types={[opened.principals]} now={now} onChoose={({ name }) => onPerson(name)} />
      {inside && record !== null ? (
        <RecordPage {...{ moment, person, record, author }} onHome={() => go({ inside: false })} onOpen={open} onActed={() => go({ moment: { ...moment, version: moment.version + 1 } })} />
      ) : (
        <div class="home">
          <h2>{'Attendance service'}</h2>
          <Answered asked={home}>
            {(value) => (
              <>
                {value.service !== null && value.service.students.length > 0 && (
                  <section>
                    <h3>Services (1)</h3>
                    <Start {...{ moment, person }} service={value.service} onActed={() => go({ moment: { ...moment, version: moment.version + 1 } })} />
                  </section>
                )}
                {value.service !== null && value.service.students.length === 0 && (
                  <section><h3>Services (0)</h3><p class="soft">Nothing that {value.title} may start for the {value.service.looked} students that were looked at.</p></section>
                )}
                <label class="find">
                  Search the lists
                  <input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
                </label>
                {value.lists.map((list) => <Rows key={list.key} list={list} searching={search !== ''} onOpen={open} onMore={() => setMost(most + 100)} />)}
              </>
            )}
          </Answered>
        </div>
      )}
      {author && moment.step > 0 && <Changed {...{ moment, person }} onOpen={open} />}
    </article>
  );
}

/** What this step of the story changed for the person. */
function Changed({ moment, person, onOpen }: { moment: Moment; person: Name; onOpen: (name: Name) => void }) {
  const asked = useAsked(() => engine.changed(moment, person), [moment, person]);
  return (
    <section class="author">
      <h3>What this step changed</h3>
      <Answered asked={asked}>
        {(changes) => changes.length === 0 ? <p class="soft">Nothing that needs no more than the time to be decided.</p> : (
          <ul class="changes">
            {changes.map(({ record, title, gained, lost }) => (
              <li key={record}>
                <button type="button" class="link" onClick={() => onOpen(record)}>{title}</button>
                {gained.length > 0 && <p><span class="sign gained">+ gained</span> {some(gained.map((one) => `${one.title} (${one.rules.join(', ')})`), 6)}</p>}
                {lost.length > 0 && (
                  <p>
                    <span class="sign lost">− lost</span> {some(lost.map((one) => `${one.title} (${one.rules.join(', ')})`), 6)}
                    {lost[0]?.failed ? <span class="soft"> It now fails at “{lost[0].failed}”.</span> : null}
                  </p>
                )}
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}
