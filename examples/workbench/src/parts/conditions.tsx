// Why: the conditions of a policy as a tree, with the values that they compared.

import type { Operand } from 'caseward';

import type { Condition, Found, Why } from '../shared.ts';
import { count, day, some, words } from '../words.ts';

const MARKS = { true: '✔', false: '✘', null: '–' } as const;
const SAID = { true: 'holds', false: 'does not hold', null: 'not looked at' } as const;

/** A condition and what it is made of. */
export function Tree({ conditions }: { conditions: readonly Condition[] }) {
  return (
    <ul class="tree">
      {conditions.map((condition, at) => <Branch key={at} condition={condition} />)}
    </ul>
  );
}

function Branch({ condition }: { condition: Condition }) {
  const { holds, name, negated, made_of, parts, error, operands } = condition;
  const key = String(holds) as keyof typeof MARKS;
  const joined = made_of === 'all' ? 'all of' : made_of === 'any' ? 'any of' : made_of === 'not' ? 'not' : made_of === 'if' ? 'if' : '';
  return (
    <li class={`mark-${key}`}>
      <span class="mark" aria-hidden="true">{MARKS[key]}</span>
      <div>
        {name !== null && <strong>{negated ? 'unless ' : ''}{name} </strong>}
        <span class="hidden">{SAID[key]}. </span>
        {joined === '' ? <code>{condition.text}</code> : <span class="soft">{joined}</span>}
        {error !== null && <p class="trouble">{error}</p>}
        {operands.some(({ value }) => value !== null) && (
          <dl class="values">
            {operands.map((operand, at) => <Values key={at} operand={operand} />)}
          </dl>
        )}
        {parts.length > 0 && <Tree conditions={parts} />}
      </div>
    </li>
  );
}

function Values({ operand }: { operand: Operand }) {
  if (operand.value === null) return null;
  return (
    <>
      <dt><code>{operand.text}</code></dt>
      <dd>{shown(operand.value)}</dd>
      {operand.read.map((one, at) => <Values key={at} operand={one} />)}
    </>
  );
}

function shown(value: NonNullable<Operand['value']>): string {
  if ('value' in value) return `${said(value.value)}${value.left_out ? ` and ${value.left_out} more` : ''}`;
  if ('absent' in value) return 'is not there';
  return 'failed' in value ? `cannot be had: ${value.failed}` : 'withheld';
}

/** A value as Cedar has it, short. */
export function said(value: Found): string {
  if (value instanceof Date) return day(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty set' : `{${some(value.map(said), 6)}}`;
  if (typeof value === 'object' && value !== null) {
    const { type, id } = value as { type?: Found; id?: Found };
    return typeof type === 'string' && typeof id === 'string' ? `${type}::"${id}"` : JSON.stringify(value);
  }
  return typeof value === 'string' ? `"${value}"` : String(value);
}

/** A policy's part in a decision. */
export function Reasons({ reasons, open }: { reasons: Why['nearest']; open: boolean }) {
  return (
    <>
      {reasons.map(({ policy, conditions }, at) => (
        <details key={policy.id} class="reason" open={open && at === 0}>
          <summary>
            <span class={`rule ${policy.effect}`}>{policy.rule ?? policy.id}</span> {policy.description ?? policy.id}
            {policy.effect === 'forbid' && <span class="soft"> (forbids)</span>}
          </summary>
          {conditions.length > 0 ? <Tree conditions={conditions} /> : <p class="soft">It has no conditions.</p>}
          <p class="soft">Policy <code>{policy.id}</code></p>
        </details>
      ))}
    </>
  );
}

/** What would turn a decision, and who could do it instead. */
export function Turned({ why }: { why: Why }) {
  const { turn, instead, names, allowed } = why;
  const called = (name: string | null) => (name === null ? 'the circumstances' : (names[name] ?? name));
  const path = (parts: readonly string[]) => words(parts.join(' '));
  const to = allowed ? 'denied' : 'allowed';
  return (
    <section>
      <h2>What would change it</h2>
      {turn.outcome === 'found' && (
        <>
          <p>The smallest change that was found after which it is {to}:</p>
          <ul>
            {turn.edits.map((edit, at) => (
              <li key={at}>
                {edit.do} <code>{path(edit.path)}</code> of {called(edit.entity)}
                {edit.value === null ? '' : `: ${shown(edit.value)}`} <span class="soft">(now {shown(edit.now)})</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {turn.outcome === 'kept' && (
        <>
          <p>Nothing that can be done here would have it {to}. It hangs on what others set:</p>
          <ul>
            {turn.facts.map((fact, at) => (
              <li key={at}>
                <code>{path(fact.path)}</code> of {called(fact.entity)}, now {shown(fact.now)}
                {fact.set_by === null ? '' : <span class="soft"> set by {fact.set_by}</span>}
              </li>
            ))}
          </ul>
        </>
      )}
      {turn.outcome === 'none_found' && <p>No change of one or a few facts was found that would have it {to}.</p>}
      {turn.outcome === 'gave_up' && <p>The search for a change that would have it {to} was given up.</p>}
      {turn.outcome === 'not_sought' && <p>No change was sought.</p>}
      {turn.outcome === 'withheld' && <p>That is withheld.</p>}
      {instead !== null && instead !== undefined && (
        <>
          <h2>Who could do it</h2>
          <p>{count(instead.count, 'person', 'people')}{instead.count > 0 ? `: ${some(instead.people.map(called), 5)}.` : ' could.'}</p>
          <ul>
            {instead.by.map((by) => (
              <li key={by.policy}><span class="rule permit">{by.rule ?? by.policy}</span> {count(by.count, 'person', 'people')}: {by.description}</li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
