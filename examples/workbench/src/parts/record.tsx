// The page of a record as the guides for schools have it: a header, buttons, and the tabs Activity, Details, Related.

import { useState } from 'preact/hooks';

import { engine } from '../client.ts';
import type { Entry, Moment, Name, RecordPage, ShownSection, Withheld } from '../shared.ts';
import type { Outcome } from '../worker/acts.ts';
import { count } from '../words.ts';
import { Answered, useAsked } from './asked.tsx';
import { idOf } from './chooser.tsx';
import { Came, Press } from './press.tsx';
import { Rows } from './rows.tsx';
import { Scroll } from './scroll.tsx';
import { Tabs } from './tabs.tsx';

interface Props {
  readonly moment: Moment;
  readonly person: Name;
  readonly record: Name;
  readonly author: boolean;
  readonly onHome: () => void;
  readonly onOpen: (name: Name) => void;
  readonly onActed: () => void;
}

const HEADER = ['student.name', 'student', 'status', 'type', 'caseManager', 'catchment', 'primaryContact'];

export function Record(props: Props) {
  const { moment, person, record, author, onHome } = props;
  const asked = useAsked(() => engine.record(moment, person, record), [moment, person, record]);
  const [outcome, setOutcome] = useState<Outcome>();
  const done = (came: Outcome) => {
    setOutcome(came);
    if (came.changed) props.onActed();
  };
  return (
    <div class="record">
      <button type="button" class="link" onClick={onHome}>← Home page</button>
      <Answered asked={asked}>
        {(page) => (page.known ? <Known {...props} page={page} onDone={done} /> : (
          <div class="unknown">
            <h2>Not found</h2>
            <p>There is no such record, or it is not to be seen. The person cannot tell which.</p>
          </div>
        ))}
      </Answered>
      <Came outcome={outcome} />
      {author && <Author {...{ moment, person, record }} />}
    </div>
  );
}

function Known({ moment, person, page, onOpen, onDone }: Props & { page: RecordPage; onDone: (outcome: Outcome) => void }) {
  const [tab, setTab] = useState('Details');
  const summary = page.sections.find(({ name }) => name === 'summary');
  const header = HEADER.flatMap((name) => summary?.fields.filter((field) => field.name === name && field.state === 'value') ?? [])
    .filter((field, _, all) => field.name !== 'student' || !all.some(({ name }) => name === 'student.name'));
  const press = { moment, person, onDone };
  return (
    <>
      <h2>{page.title}</h2>
      {page.actions.length > 0 && (
        <fieldset class="buttons" aria-label="Actions">
          {page.actions.map((button) => <Press key={button.action} {...press} record={page.name} button={button} />)}
        </fieldset>
      )}
      {header.length > 0 && (
        <dl class="header">
          {header.map(({ name, title, text }) => <div key={name}><dt>{name === 'student.name' ? 'Student' : name === 'caseManager' ? 'Case owner' : title}</dt><dd>{text}</dd></div>)}
        </dl>
      )}
      <Tabs
        label={`Parts of ${page.title}`} tabs={['Activity', 'Details', 'Related'].map((name) => ({ id: name, title: name }))}
        now={tab} onChange={setTab}
      >
        {tab === 'Activity' && <Activity entries={page.entries} press={press} />}
        {tab === 'Details' && page.sections.map((section) => <Section key={section.name} section={section} />)}
        {tab === 'Related' && <Related page={page} onOpen={onOpen} />}
      </Tabs>
    </>
  );
}

function Activity({ entries, press }: { entries: readonly Entry[]; press: { moment: Moment; person: Name; onDone: (outcome: Outcome) => void } }) {
  if (entries.length === 0) return <p class="soft">No entries.</p>;
  return (
    <ol class="entries">
      {entries.map((entry) => (
        <li key={entry.name}>
          <h3>{entry.title}</h3>
          <p class="soft">{[entry.at, entry.by, entry.kind].filter((text) => text !== '').join(' · ')}</p>
          {entry.text !== '' && <p>{entry.text}</p>}
          <Fields fields={entry.more} />
          {entry.actions.length > 0 && (
            <fieldset class="buttons" aria-label={`Actions on ${entry.title}`}>
              {entry.actions.map((button) => <Press key={button.action} {...press} record={entry.name} button={button} />)}
            </fieldset>
          )}
        </li>
      ))}
    </ol>
  );
}

function Section({ section }: { section: ShownSection }) {
  const kept = section.fields.filter(({ state }) => state === 'kept').length;
  return (
    <section>
      <h3>{section.title}</h3>
      <Fields fields={section.fields.filter(({ state }) => state !== 'kept')} />
      {kept > 0 && <p class="soft">{kept} more {kept === 1 ? 'field' : 'fields'} that the service would fill in: no rule reads {kept === 1 ? 'it' : 'them'}.</p>}
    </section>
  );
}

function Fields({ fields }: { fields: ShownSection['fields'] }) {
  if (fields.length === 0) return null;
  return (
    <dl class="fields">
      {fields.map(({ name, title, text, state }) => (
        <div key={name} class={text.length > 45 ? 'long' : undefined}><dt>{title}</dt><dd>{state === 'absent' ? <span class="soft">none</span> : text}</dd></div>
      ))}
    </dl>
  );
}

/** Requests, services, files and comments, each a table of its own, as the guide has them. */
function Related({ page, onOpen }: { page: RecordPage; onOpen: (name: Name) => void }) {
  const tables = [
    { title: 'Services', kind: 'serviceReferral', columns: ['Date', 'Service', 'By'] },
    { title: 'Files', kind: 'file', columns: ['Date', 'File name', 'By'] },
    { title: 'Case comments', kind: 'comment', columns: ['Created date', 'Body', 'Commenter'] },
  ];
  return (
    <>
      {page.related.map((list) => <Rows key={list.key} list={list} searching={false} onOpen={onOpen} onMore={() => {}} />)}
      {tables.map(({ title, kind, columns }) => {
        const entries = page.entries.filter((entry) => entry.kind === kind);
        return (
          <section key={kind}>
            <h3>{title} ({entries.length})</h3>
            {entries.length > 0 && (
              <Scroll label={title}>
                <table>
                  <thead><tr>{columns.map((column) => <th key={column} scope="col">{column}</th>)}</tr></thead>
                  <tbody>
                    {entries.map(({ name, at, text, title: about, by }) => (
                      <tr key={name}><td data-title={columns[0]}>{at}</td><td data-title={columns[1]}>{text || about}</td><td data-title={columns[2]}>{by}</td></tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            )}
          </section>
        );
      })}
    </>
  );
}

/** For the author: what the person does not get, and by which rule. */
function Author({ moment, person, record }: { moment: Moment; person: Name; record: Name }) {
  const asked = useAsked(() => engine.withheld(moment, person, record), [moment, person, record]);
  return (
    <section class="author">
      <h3>Withheld from this person</h3>
      <p class="soft">For the author's eyes: the person sees none of this.</p>
      <Answered asked={asked}>
        {({ sections, entries, actions }) => (
          <>
            <Reasons title="Sections" all={sections} />
            {entries === null ? <p class="soft">Entries: there are too many in this data to look for those that are withheld.</p> : <Reasons title="Entries" all={entries} />}
            <Reasons title="Actions" all={actions} />
          </>
        )}
      </Answered>
    </section>
  );
}

function Reasons({ title, all }: { title: string; all: readonly Withheld[] }) {
  if (all.length === 0) return <p class="soft">{title}: nothing is withheld.</p>;
  return (
    <details open={title !== 'Actions'}>
      <summary>{title} ({all.length})</summary>
      <ul class="withheld">
        {all.map(({ what, action, resource, because, more, whatever }) => (
          <li key={`${action} ${resource}`}>
            <strong>{what}</strong> <span class="soft"><code>{action}</code>{title === 'Entries' ? ` on ${idOf(resource)}` : ''}</span>
            {because.length === 0 && <p class="soft">{whatever ? 'Denied, whatever it is given. Why, for one choice, is under Ask.' : 'No policy comes near to permitting it.'}</p>}
            <ul>
              {because.slice(0, 3).map(({ rule, forbids, failed }) => (
                <li key={rule}><span class={forbids ? 'rule forbid' : 'rule'}>{rule}</span> {forbids ? 'forbids: ' : 'would permit, but not: '}{failed.join('; ')}</li>
              ))}
            </ul>
            {because.length > 3 && <p class="soft">{count(because.length - 3 + more, 'more permit')} could apply.</p>}
          </li>
        ))}
      </ul>
    </details>
  );
}
