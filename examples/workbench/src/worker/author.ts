// What the author of a policy wants to know of a page: what is not on it and by which rule, and what a step changed.

import { CasewardError, type Condition, type Explanation, type World } from 'caseward';

import type { Asks, Change, Difference, Moment, Name, Why, Withheld } from '../shared.ts';
import { title } from '../words.ts';
import { button } from './look.ts';
import { at, called, cedar, isEntity, scene, uid } from './scene.ts';

/** Entries that are told of, and records of a type of which a step is. */
const MOST = 200;
/** Entries of a world that are looked through to know which record each belongs to. */
const MOST_ENTRIES = 100_000;

/** What a person does not get of a record: sections, entries and actions, each with why. */
export function withheld(moment: Moment, person: Name, name: Name): { sections: Withheld[]; entries: Withheld[] | null; actions: Withheld[] } {
  const { ward, world, now } = at(moment);
  const about = scene().catalogue[uid(name).type];
  const question = { principal: person, resource: uid(name), now };
  const all = ward.actions(world, question);
  const denied = new Set(all.filter(({ allowed, needs }) => !allowed && needs.length === 0).map(({ action }) => action));
  const by = new Map<string, string[]>();
  for (const [section, action] of Object.entries(about?.sections ?? {})) by.set(action, [...(by.get(action) ?? []), section]);
  const say = (what: string, action: string, resource: Name) => because(moment, person, what, action, resource);
  const sections = [...by].filter(([action]) => denied.has(action)).map(([action, names]) => say(names.map(title).join(', '), action, name));
  const actions = [...denied].filter((action) => !by.has(action)).map((action) => say(title(action), action, name));
  const hidden = entries(moment, person, name);
  return { sections, actions, entries: hidden?.map(({ what, action, resource }) => say(what, action, resource)) ?? null };
}

/** By world: the entries of each record. */
const known = new WeakMap<World, Map<string, Map<Name, string[]>>>();

/** The entries of a type by the record that they belong to; nothing where there are too many to look through. */
function entriesBy(world: World, type: string, by: string): Map<Name, string[]> | undefined {
  if (world.count(type) > MOST_ENTRIES) return undefined;
  const kinds = known.get(world) ?? new Map<string, Map<Name, string[]>>();
  known.set(world, kinds);
  const made = kinds.get(type);
  if (made !== undefined) return made;
  const found = new Map<Name, string[]>();
  for (const id of world.ids(type)) {
    const record = world.attributes({ type, id })?.[by];
    if (!isEntity(record)) continue;
    const name = cedar(record);
    const all = found.get(name);
    if (all === undefined) found.set(name, [id]);
    else all.push(id);
  }
  kinds.set(type, found);
  return found;
}

/** The entries of a record that the person may not see; null where they could not be looked for. */
function entries(moment: Moment, person: Name, name: Name): { what: string; action: string; resource: Name }[] | null {
  const { ward, world, now } = at(moment);
  const kinds = (scene().catalogue[uid(name).type]?.items ?? []).map(({ type, by, action }) => {
    const ids = entriesBy(world, type, by);
    if (ids === undefined) return null;
    const hidden = (ids.get(name) ?? []).filter((id) => !ward.allows(world, { principal: person, action, resource: { type, id }, now }));
    return hidden.slice(0, MOST).map((id) => {
      const kind = world.attributes({ type, id })?.['kind'];
      const text = scene().content[cedar({ type, id })]?.['title'];
      return { what: [typeof kind === 'string' ? title(kind) : title(type), text].filter(Boolean).join(': '), action, resource: cedar({ type, id }) };
    });
  });
  return kinds.includes(null) ? null : kinds.flatMap((all) => all ?? []);
}

function because(moment: Moment, person: Name, what: string, action: string, resource: Name): Withheld {
  const { ward, world, now } = at(moment);
  let found: Explanation;
  try {
    found = ward.explain(world, { principal: person, action, resource: uid(resource), now });
  } catch (error) {
    // It asks for more than the time, and `actions` found it denied whatever that is.
    if (!(error instanceof CasewardError) || error.kind !== 'request') throw error;
    return { what, action, resource, decision: 'deny', because: [], more: 0, whatever: true };
  }
  const { deciding, nearest } = found;
  const reasons = (deciding.length > 0 ? deciding : nearest).map(({ policy, conditions }) => ({
    rule: policy.rule ?? policy.id,
    forbids: policy.effect === 'forbid',
    failed: policy.effect === 'forbid' ? [policy.description ?? policy.id] : failedOf(conditions),
  }));
  return { what, action, resource, decision: found.answer.decision, because: reasons, more: found.more, whatever: false };
}

/** The names of the conditions that do not hold, each once. */
function failedOf(conditions: readonly Condition[]): string[] {
  return [...new Set(conditions.filter(({ holds }) => holds === false).map(({ name, text }) => name ?? text))];
}

/** What the step before this one let the person do and this one does not, and the other way round. */
export function changed(moment: Moment, person: Name): Change[] {
  const { ward, world } = at(moment);
  const records = Object.keys(scene().catalogue).flatMap((type) =>
    type === scene().principals || !scene().types.includes(type) ? [] : world.ids(type).slice(0, MOST).map((id) => cedar({ type, id })),
  );
  if (moment.step === 0) return [];
  const earlier = { ...moment, step: moment.step - 1, now: null };
  return records.flatMap((resource) => {
    const [then, now] = [may(earlier, person, resource), may(moment, person, resource)];
    const gained = [...now].filter(([action]) => !then.has(action)).map(([action, rules]) => ({ ...differs(action, rules), failed: null }));
    const lost = [...then].filter(([action]) => !now.has(action)).map(([action, rules]) => {
      const nearest = ward.explain(world, { principal: person, action, resource: uid(resource), now: at(moment).now }).nearest;
      const same = nearest.find(({ policy }) => rules.includes(policy.rule ?? policy.id));
      return { ...differs(action, rules), failed: same === undefined ? null : (failedOf(same.conditions)[0] ?? null) };
    });
    return gained.length + lost.length === 0 ? [] : [{ record: resource, title: called(resource), gained, lost }];
  });
}

function differs(action: string, rules: readonly string[]): Omit<Difference, 'failed'> {
  return { action, title: title(action), rules };
}

/** The actions that a person may take without more being said, with the rules behind them. */
function may(moment: Moment, person: Name, resource: Name): Map<string, readonly string[]> {
  const { ward, world, now } = at(moment);
  if (!world.has(uid(resource))) return new Map();
  const all = ward.actions(world, { principal: person, resource: uid(resource), now });
  return new Map(all.filter(({ allowed }) => allowed).map(({ action, answer }) => [action, answer?.rules ?? []]));
}

/** Why, or why not: the whole of it. */
export function why(moment: Moment, person: Name, action: string, resource: Name, context: Record<string, unknown>): Why {
  const { ward, world, now } = at(moment);
  const found = ward.explain(world, { principal: uid(person), action, resource: uid(resource), context: context as never, now });
  return told(found);
}

function told({ answer, withheld: _, ...rest }: Explanation): Why {
  const names: Record<Name, string> = {};
  const named = (text: string) => {
    for (const [name] of text.matchAll(/[\w:]+::"(?:[^"\\]|\\.)*"/g)) names[name] = called(name);
  };
  named(JSON.stringify(rest.turn).replaceAll('\\"', '"'));
  named((rest.instead?.people ?? []).join(' '));
  const { decision, rules, errors, version, policyHash, now } = answer;
  return { ...rest, allowed: decision === 'allow', rules, errors, version, policyHash, now: now?.toISOString() ?? null, names };
}

/** The actions that there are for a person and a record, and what the context of each may be given. */
export function asks(moment: Moment, person: Name, resource: Name): Asks {
  const { ward, world, now } = at(moment);
  const all = ward.actions(world, { principal: uid(person), resource: uid(resource), now });
  const actions = all.map((one) => ({ ...button(moment, one), allowed: one.allowed }));
  return { person: called(person), record: called(resource), actions };
}
