// May somebody do something to a record: the decision, the conditions behind it, and what would change it.

import { useState } from 'preact/hooks';

import { type Trouble, engine } from '../client.ts';
import { Answered, Told, troubled, useAsked } from '../parts/asked.tsx';
import { Chooser, idOf } from '../parts/chooser.tsx';
import { Reasons, Turned } from '../parts/conditions.tsx';
import { Field, contextOf } from '../parts/press.tsx';
import { Time } from '../parts/time.tsx';
import { download } from '../parts/download.ts';
import type { MadeCase, Opened, Why } from '../shared.ts';
import type { State } from '../state.ts';
import { count } from '../words.ts';
import { preferred } from './who.tsx';

interface Props {
  readonly state: State;
  readonly opened: Opened;
  readonly go: (change: Partial<State>) => void;
}

export function Ask({ state, opened, go }: Props) {
  const { moment, person, record } = state;
  const types = opened.types.map(({ type }) => type).filter((type) => !/Team$/.test(type));
  const [context, setContext] = useState<Record<string, unknown>>({});
  const actions = useAsked(() => (person === null || record === null ? undefined : engine.asks(moment, person, record)), [moment, person, record]);
  const all = actions.value?.actions ?? [];
  const chosen = all.find((one) => one.action === state.action) ?? all.find((one) => one.action === 'viewSummary') ?? all[0];
  const needs = chosen?.needs ?? [];
  const given = Object.fromEntries(Object.entries(context).filter(([field]) => needs.some((need) => need.field === field)));
  const missing = needs.filter(({ required, field }) => required && !(field in given));
  const why = useAsked(
    () => (person === null || record === null || chosen === undefined || missing.length > 0 ? undefined : engine.why(moment, person, chosen.action, record, given)),
    [moment, person, record, chosen?.action, given],
  );
  return (
    <>
      <Time opened={opened} moment={moment} onChange={(next) => go({ moment: next })} />
      <div class="question">
        <span>May</span>
        <Chooser label="Person" moment={moment} types={[opened.principals]} now={person === null ? null : { title: actions.value?.person ?? idOf(person) }} onChoose={({ name }) => go({ person: name })} />
        <label><span class="hidden">Action</span>
          <select value={chosen?.action ?? ''} onChange={(event) => {
            setContext({});
            go({ action: event.currentTarget.value });
          }}>
            {all.map((one) => <option key={one.action} value={one.action}>{one.title.toLowerCase()}</option>)}
          </select>
        </label>
        <span>of</span>
        <Chooser label="Record" moment={moment} types={preferred(types, record)} now={record === null ? null : { title: actions.value?.record ?? idOf(record) }} onChoose={({ name }) => go({ record: name })} />
      </div>
      {needs.length > 0 && chosen !== undefined && (
        <form
          key={chosen.action} class="context" aria-label="Circumstances"
          onSubmit={(event) => {
            event.preventDefault();
            setContext(contextOf(chosen, new FormData(event.currentTarget)));
          }}
        >
          {needs.map((need) => <Field key={need.field} need={need} />)}
          <button type="submit" class="main">Ask with these</button>
        </form>
      )}
      {missing.length > 0 && <p class="soft">It depends on {missing.map(({ title }) => title.toLowerCase()).join(', ')}: say what, and ask.</p>}
      <Answered asked={why}>
        {(found) => (
          <>
            <Verdict why={found} />
            {person !== null && record !== null && chosen !== undefined && (
              <Keep key={`${person} ${record} ${chosen.action}`} make={() => engine.caseOf(moment, person, chosen.action, record, given)} />
            )}
          </>
        )}
      </Answered>
    </>
  );
}

/** The question as a case, which holds from then on. */
function Keep({ make }: { make: () => Promise<MadeCase> }) {
  const [made, setMade] = useState<MadeCase>();
  const [trouble, setTrouble] = useState<Trouble>();
  const keep = () => {
    make().then(
      (one) => {
        setMade(one);
        setTrouble(undefined);
        download(one.name, one.text);
      },
      (error) => setTrouble(troubled(error)),
    );
  };
  return (
    <div class="keep">
      <button type="button" onClick={keep}>Make this a case</button>
      <p role="status">{made === undefined ? '' : `Saved as “${made.name}”. In tests/${made.folder} of your policies, caseward test holds it.`}</p>
      {trouble !== undefined && <Told trouble={trouble} />}
    </div>
  );
}

function Verdict({ why }: { why: Why }) {
  const { allowed, rules, errors, story, deciding, failed, nearest, more } = why;
  return (
    <div class="verdict">
      <p class={allowed ? 'decision allowed' : 'decision denied'} role="status">
        <span aria-hidden="true">{allowed ? '✔' : '✘'}</span> {allowed ? 'Allowed' : 'Denied'}
        {(rules.length > 0 ? rules : deciding.map(({ policy }) => policy.id)).map((rule) => <span key={rule} class="rule">{rule}</span>)}
      </p>
      {errors.map((error) => <p key={error} class="trouble">{error}</p>)}
      <ul class="story">{story.map((line) => <li key={line}>{line}</li>)}</ul>
      {deciding.length > 0 && <section><h2>Decided by</h2><Reasons reasons={deciding} open /></section>}
      {failed.length > 0 && <section><h2>Could not be evaluated</h2><Reasons reasons={failed} open /></section>}
      {nearest.length > 0 && (
        <section>
          <h2>No policy permits it. The nearest:</h2>
          <Reasons reasons={nearest} open />
          {more > 0 && <p class="soft">{count(more, 'more permit')} could apply to these types.</p>}
        </section>
      )}
      <Turned why={why} />
      <p class="soft made">Made from policies <code>{why.policyHash.slice(0, 12)}</code>, version {why.version} of the data{why.now === null ? '' : `, at ${why.now}`}.</p>
    </div>
  );
}
