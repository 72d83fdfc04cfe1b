// A question as a case: the small world that it needs, the request, and what was decided. `caseward test` runs it.

import { CasewardError, type Ward, World } from 'caseward';

import type { MadeCase, Moment, Name } from '../shared.ts';
import { words } from '../words.ts';
import { at, called, cedar, uid } from './scene.ts';

/** Entities of a world from which a case is made. */
const MOST = 100_000;

type Entity = { readonly uid: { readonly type: string; readonly id: string }; readonly [rest: string]: unknown };

/** Makes a case of a question, and asks it of the case's own world: it is a case only where that decides alike. */
export function caseOf(moment: Moment, person: Name, action: string, resource: Name, context: Record<string, unknown>): MadeCase {
  const { ward, world, now } = at(moment);
  if (world.size > MOST) throw new CasewardError('request', `a case is made from up to ${MOST.toLocaleString('en-NZ')} entities, and there are ${world.size.toLocaleString('en-NZ')}`);
  const request = { principal: person, action, resource, ...(Object.keys(context).length === 0 ? {} : { context }) };
  const answer = ward.answer(world, { ...request, principal: uid(person), resource: uid(resource), context: context as never, now });
  const { allowed } = answer;
  const rules = [...answer.rules];
  const entities = needed(world, [person, resource, ...named(context)]);
  check(ward, entities, { ...request, principal: uid(person), resource: uid(resource), context, now }, allowed, rules);
  const made = { now: now.toISOString(), request, entities, ...(rules.length > 0 ? { rules } : {}) };
  // The name of a case is its sentence.
  const sentence = `${called(person)} ${allowed ? 'may' : 'may not'} ${words(action)}, ${called(resource)}`;
  const name = `${sentence.replace(/[^\p{L}\p{N} ,.'-]+/gu, ' ').trim()}.json`;
  return { folder: allowed ? 'ALLOW' : 'DENY', name, text: `${JSON.stringify(made, undefined, 2)}\n` };
}

function check(ward: Ward, entities: readonly Entity[], request: object, allowed: boolean, rules: readonly string[]): void {
  using small = World.read(ward, entities as never);
  const again = ward.answer(small, request as never);
  if (again.allowed !== allowed || again.rules.join() !== rules.join()) {
    throw new CasewardError('request', 'the decision hangs on more than what the person and the record lead to: no case was made');
  }
}

/** What is named, and all that it refers to: no reference is left without its entity. */
function needed(world: World, names: readonly Name[]): Entity[] {
  const all = JSON.parse(new TextDecoder().decode(world.toEntities())) as Entity[];
  const by = new Map(all.map((entity) => [cedar(entity.uid), entity]));
  const found = new Map<Name, Entity>();
  const left = [...names];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    const entity = by.get(name);
    if (entity === undefined || found.has(name)) continue;
    found.set(name, entity);
    left.push(...named(entity));
  }
  return [...found.values()];
}

/** The entities that a value names. */
function named(value: unknown): Name[] {
  if (typeof value !== 'object' || value === null) return [];
  const { type, id } = value as { type?: unknown; id?: unknown };
  const own = typeof type === 'string' && typeof id === 'string' ? [cedar({ type, id })] : [];
  return [...own, ...Object.values(value).flatMap(named)];
}
