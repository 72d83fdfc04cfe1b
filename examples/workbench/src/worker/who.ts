// Who may do something to a record, grouped by the way that leads there: from the person by a role to an organisation,
// and from there by references to the record. Who may, and by which policies, the engine says; the way is read off the
// conditions that it explains, and is drawn, not decided on.

import type { Condition, Granted, Operand } from 'caseward';

import type { Group, Moment, Name, Who } from '../shared.ts';
import { title, words } from '../words.ts';
import { type Entity, at, called, cedar, choice, isEntity, scene, uid } from './scene.ts';

/** A condition that ties the person to the record: their attribute, or themselves, and a path or a literal. */
interface Tie {
  /** Attribute of the person; null where the person themselves is meant. */
  readonly attribute: string | null;
  /** From the record: `['student', 'enrolledAt']`; null for a literal. */
  readonly path: readonly string[] | null;
  readonly target: Entity;
}

/** Who may do an action to a record. */
export function who(moment: Moment, action: string, record: Name): Who {
  const { ward, world, now } = at(moment);
  const type = scene().principals;
  const granted = ward.whoWithReasons(world, { resource: uid(record), action, type, now });
  const ties = new Map<string, readonly Tie[]>();
  const groups = new Map<string, { ties: readonly Tie[]; granted: Granted[] }>();
  for (const one of granted) {
    const policies = one.policies.join(' ');
    // One explanation for all whom the same policies permit.
    if (!ties.has(policies)) ties.set(policies, tiesOf(moment, one, action, record));
    const matched = (ties.get(policies) ?? []).filter((tie) => tied(world.attributes(one.principal) ?? {}, one.principal, tie));
    const key = `${policies}|${matched.map(({ attribute, path, target }) => `${attribute}.${path}.${cedar(target)}`).join('|')}`;
    const group = groups.get(key) ?? { ties: matched, granted: [] };
    group.granted.push(one);
    groups.set(key, group);
  }
  const policies = new Map(ward.policies().map((policy) => [policy.id, policy]));
  const made = [...groups].map(([key, group]): Group => ({
    key,
    rules: (group.granted[0]?.policies ?? []).map((id) => {
      const policy = policies.get(id);
      return { policy: id, rule: policy?.rule ?? id, description: policy?.description ?? '' };
    }),
    steps: steps(moment, group.ties, record),
    people: group.granted.map(({ principal }) => choice(world, uid(principal))),
  }));
  made.sort((a, b) => (a.steps[1]?.title ?? '').localeCompare(b.steps[1]?.title ?? '') || b.people.length - a.people.length);
  return { action, record, title: called(record), total: granted.length, groups: made };
}

/** The ties that the permits of a person ask about, held or not. */
function tiesOf(moment: Moment, granted: Granted, action: string, record: Name): Tie[] {
  const { ward, world, now } = at(moment);
  const found = ward.explain(world, { principal: uid(granted.principal), action, resource: uid(record), now });
  const tests = found.deciding.flatMap(({ conditions }) => conditions.flatMap(testsOf));
  const seen = new Set<string>();
  return tests.flatMap(({ operands }) => {
    const tie = tieOf(operands);
    const key = JSON.stringify(tie);
    if (tie === undefined || seen.has(key)) return [];
    seen.add(key);
    return [tie];
  });
}

function testsOf(condition: Condition): Condition[] {
  return condition.made_of === 'test' ? [condition] : condition.parts.flatMap(testsOf);
}

const LITERAL = /^([\w:]+)::"((?:[^"\\]|\\.)*)"$/;

function tieOf(operands: readonly Operand[]): Tie | undefined {
  if (operands.length !== 2) return undefined;
  const person = operands.find(({ text }) => /^principal(\.\w+)?$/.test(text));
  const other = operands.find((operand) => operand !== person);
  if (person === undefined || other === undefined) return undefined;
  const attribute = person.text.split('.')[1] ?? null;
  const literal = LITERAL.exec(other.text);
  if (literal !== null) return { attribute, path: null, target: uid(other.text) };
  const value = other.value !== null && 'value' in other.value ? other.value.value : undefined;
  if (!/^resource(\.\w+)+$/.test(other.text) || value === undefined) return undefined;
  const path = other.text.split('.').slice(1);
  // Of a set, such as a team, the person is what it is about.
  if (isEntity(value)) return { attribute, path, target: value };
  return Array.isArray(value) && attribute === null ? { attribute, path, target: { type: '', id: '' } } : undefined;
}

/** Whether a person's own attributes have what a tie speaks of. */
function tied(attributes: Record<string, unknown>, person: Name, { attribute, target }: Tie): boolean {
  const same = (value: unknown) => isEntity(value) && value.type === target.type && value.id === target.id;
  if (attribute === null) return target.type === '' || cedar(target) === person;
  const value = attributes[attribute];
  return Array.isArray(value) ? value.some(same) : same(value);
}

/** The way from the people to the record. */
function steps(moment: Moment, ties: readonly Tie[], record: Name): Group['steps'] {
  const { world } = at(moment);
  const role = ties.find(({ attribute, path }) => attribute !== null && path !== null) ?? ties.find(({ attribute }) => attribute !== null);
  const named = ties.filter(({ attribute, path }) => attribute === null && path !== null).map(({ path }) => words(path?.join(' ') ?? ''));
  const by = [role === undefined ? '' : words(role.attribute ?? ''), named.length > 0 ? `named as ${named.join(', ')}` : ''];
  const start = { name: null, title: '', by: by.filter((text) => text !== '').join('; ') || 'by the policy alone' };
  const end = { name: record, title: called(record), by: '' };
  if (role === undefined) return [start, end];
  const path = role.path ?? [];
  // From the record towards the organisation, then turned round.
  const between: { name: Name; title: string; by: string }[] = [];
  let here: Entity = uid(record);
  for (const field of path) {
    const next = world.attributes(here)?.[field];
    if (!isEntity(next)) break;
    between.unshift({ name: cedar(next), title: stands(next), by: words(field) });
    here = next;
  }
  if (between.length === 0) between.push({ name: cedar(role.target), title: stands(role.target), by: 'every record that the policy names' });
  return [start, ...between, end];
}

/** What stands at a step: an organisation by its name, a student by type and name. */
function stands(entity: Entity): string {
  const said = called(entity);
  return said.includes(entity.id) && said === words(entity.id) ? title(said) : said;
}
