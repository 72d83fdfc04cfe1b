// Who can do something to a record: people grouped by organisation and role, each group with the way that leads there.

import { useState } from 'preact/hooks';

import { engine } from '../client.ts';
import { Answered, useAsked } from '../parts/asked.tsx';
import { Chooser, idOf } from '../parts/chooser.tsx';
import { Time } from '../parts/time.tsx';
import type { Group, Moment, Name, Opened, Who as Found } from '../shared.ts';
import type { State } from '../state.ts';
import { count, title } from '../words.ts';

interface Props {
  readonly state: State;
  readonly opened: Opened;
  readonly go: (change: Partial<State>) => void;
}

/** Names of a group that are shown at first. */
const FEW = 6;

export function WhoCan({ state, opened, go }: Props) {
  const { moment, record, person } = state;
  const types = opened.types.map(({ type }) => type).filter((type) => !/Team$/.test(type));
  const actions = useAsked(
    () => (record === null || person === null ? undefined : engine.asks(moment, person, record)),
    [moment.version, record, person],
  );
  const all = actions.value?.actions.filter(({ needs }) => !needs.some(({ required }) => required)) ?? [];
  const action = all.some((one) => one.action === state.action) ? state.action : (all.find((one) => one.action === 'viewSummary') ?? all[0])?.action ?? '';
  const asked = useAsked(() => (record === null || action === '' ? undefined : engine.who(moment, action, record)), [moment, record, action]);
  return (
    <>
      <Time opened={opened} moment={moment} onChange={(next) => go({ moment: next })} />
      <div class="question">
        <span>Who can</span>
        <label><span class="hidden">Action</span>
          <select value={action} onChange={(event) => go({ action: event.currentTarget.value })}>
            {all.map((one) => <option key={one.action} value={one.action}>{one.title.toLowerCase()}</option>)}
          </select>
        </label>
        <span>of</span>
        <Chooser label="Record" moment={moment} types={preferred(types, record)} now={record === null ? null : { title: actions.value?.record ?? idOf(record) }} onChoose={({ name }) => go({ record: name })} />
      </div>
      <Answered asked={asked}>{(found) => <Ways found={found} moment={moment} onPerson={(name) => go({ person: name, tab: 'ask', action })} />}</Answered>
    </>
  );
}

/** Types, that of the record first. */
export function preferred(types: readonly string[], record: Name | null): string[] {
  const first = record?.replace(/::".*$/s, '');
  return [...types].sort((a, b) => Number(b === first) - Number(a === first));
}

function Ways({ found, onPerson }: { found: Found; moment: Moment; onPerson: (name: Name) => void }) {
  if (found.total === 0) return <p class="none">Nobody can {title(found.action).toLowerCase()} of {found.title}.</p>;
  return (
    <>
      <p role="status"><strong>{count(found.total, 'person', 'people')}</strong> in {count(found.groups.length, 'group')}, each by a way of its own.</p>
      <ol class="ways">
        {found.groups.map((group) => <Way key={group.key} group={group} onPerson={onPerson} />)}
      </ol>
    </>
  );
}

/** One way: the people, what leads on, and the record, with an arrow between each and the next. */
function Way({ group, onPerson }: { group: Group; onPerson: (name: Name) => void }) {
  const [all, setAll] = useState(false);
  const people = all ? group.people : group.people.slice(0, FEW);
  const left = group.people.length - people.length;
  return (
    <li class="way">
      <ol class="path" aria-label="The way to the record">
        {group.steps.map((step, at) => (
          <li key={at}>
            {at === 0 ? (
              <div class="node people">
                <strong>{count(group.people.length, 'person', 'people')}</strong>
                <ul>
                  {people.map(({ name, title: said }) => <li key={name}><button type="button" class="link" onClick={() => onPerson(name)}>{said}</button></li>)}
                </ul>
                {left > 0 && <button type="button" class="plain" onClick={() => setAll(true)}>Show {left} more</button>}
                {all && group.people.length > FEW && <button type="button" class="plain" onClick={() => setAll(false)}>Show fewer</button>}
              </div>
            ) : (
              <div class="node">{step.title}</div>
            )}
            {step.by !== '' && at < group.steps.length - 1 && <span class="edge"><span class="said">{step.by}</span></span>}
          </li>
        ))}
      </ol>
      <ul class="by">
        {group.rules.map(({ rule, policy, description }) => <li key={policy}><span class="rule permit">{rule}</span> <span class="soft">{description}</span></li>)}
      </ul>
    </li>
  );
}
