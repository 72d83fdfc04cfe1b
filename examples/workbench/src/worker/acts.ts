// What a button does. Whether it may is asked of the policies each time it is pressed; what then changes are plain
// facts, as a service would write them. An action that changes no fact that rules read is decided and noted.

import { Changes } from 'caseward';

import type { Moment, Name } from '../shared.ts';
import { day, time, title } from '../words.ts';
import { type Entity, at, called, cedar, isEntity, scene, uid } from './scene.ts';

/** What came of a button. */
export interface Outcome {
  readonly allowed: boolean;
  readonly rules: readonly string[];
  readonly said: string;
  readonly changed: boolean;
}

/** The moment at which the button is pressed. */
let acting: Moment = { step: 0, now: null, version: 0 };
const worldOf = () => at(acting).world;

type Context = Record<string, unknown>;
type Effect = (batch: Changes, resource: Entity, given: { person: Entity; context: Context; now: Date; text: string }) => void;

const set = (field: string, from: string): Effect => (batch, resource, { context }) => {
  batch.set(resource, field, context[from] as never);
};
const fixed = (field: string, value: boolean): Effect => (batch, resource) => {
  batch.set(resource, field, value);
};

/** An id that nothing has. */
const fresh = (kind: string): string => `${kind}-${crypto.randomUUID()}`;

/** Adds an entry of a kind to a case, by the person. */
const entry = (kind: string): Effect => (batch, resource, { person, now, text }) => {
  const id = fresh(kind);
  const world = worldOf();
  const student = world.attributes(resource)?.['student'];
  const school = isEntity(student) ? world.attributes(student)?.['enrolledAt'] : undefined;
  // As the store keeps it: written at the school where the author holds a role.
  const attributes = Object.values(world.attributes(person) ?? {});
  const holds = isEntity(school) && attributes.some((all) => Array.isArray(all) && all.some((one) => isEntity(one) && one.type === school.type && one.id === school.id));
  const made = { case: resource, kind, author: person, sensitive: false, sharedWith: [] };
  batch.put({ type: 'Item', id }, { ...made, ...(holds ? { writtenAt: school } : {}) } as never);
  scene().content[cedar({ type: 'Item', id })] = { createdAt: day(now), [kind === 'file' ? 'fileName' : 'text']: text };
};

/** A set of entities with one more, or one fewer. */
const member = (field: string, from: string, more: boolean): Effect => (batch, resource, { context }) => {
  const one = context[from];
  const all = worldOf().attributes(resource)?.[field];
  const rest = (Array.isArray(all) ? all : []).filter((other) => !(isEntity(other) && isEntity(one) && other.id === one.id));
  batch.set(resource, field, (more ? [...rest, one] : rest) as never);
};

const EFFECTS: Readonly<Record<string, Effect>> = {
  addComment: entry('comment'),
  uploadFile: entry('file'),
  updateRecord: entry('note'),
  recordAgencyResponse: entry('agencyResponse'),
  changePrimaryContact: set('primaryContact', 'contact'),
  assignCaseManager: (batch, resource, given) => {
    set('caseManager', 'assignee')(batch, resource, given);
    const student = worldOf().attributes(resource)?.['student'];
    if (isEntity(student)) batch.set(student, 'currentCaseManager', given.context['assignee'] as never);
  },
  addTeamMember: member('team', 'assignee', true),
  notifyProsecution: fixed('prosecutionNotified', true),
  withdrawProsecution: fixed('prosecutionNotified', false),
  labelSensitive: fixed('sensitive', true),
  unlabelSensitive: fixed('sensitive', false),
  shareItem: member('sharedWith', 'withSchool', true),
  unshareItem: (batch, resource) => {
    batch.set(resource, 'sharedWith', []);
  },
  assignRequest: set('caseManager', 'assignee'),
  submitRequest: (batch, resource) => {
    batch.set(resource, 'status', 'submitted');
  },
  deleteDraft: (batch, resource) => {
    batch.remove(resource);
  },
  closeCase: (batch, resource, { now }) => {
    batch.set(resource, 'status', 'closed').set(resource, 'closedAt', now);
    const student = worldOf().attributes(resource)?.['student'];
    if (isEntity(student)) {
      batch.unset(student, 'currentProvider').unset(student, 'currentCaseManager').set(student, 'lastCaseClosedAt', now);
    }
  },
  createRequest: (batch, resource, { person, context }) => {
    const id = fresh('draft');
    const school = worldOf().attributes(resource)?.['enrolledAt'];
    const contact = context['primaryContact'];
    const made = { student: resource, createdBy: person, status: 'draft' };
    const rest = { ...(school === undefined ? {} : { school }), ...(contact === undefined ? {} : { primaryContact: contact }) };
    batch.put({ type: 'Request', id }, { ...made, ...rest } as never);
  },
};

/** Presses a button: decides, and where it is allowed, writes what it changes. */
export function act(moment: Moment, person: Name, action: string, resource: Name, context: Context, text: string): Outcome {
  const { ward, world, now } = at(moment);
  const answer = ward.answer(world, { principal: uid(person), action, resource: uid(resource), context: context as never, now });
  const { allowed, rules, errors } = answer;
  const who = `${title(action)}, ${called(person)}, ${time(now)}`;
  if (!allowed) return { allowed, rules: [...rules], said: `${who}: denied${errors.length > 0 ? `: ${errors.join('; ')}` : ''}.`, changed: false };
  const effect = EFFECTS[action];
  if (effect === undefined) {
    return { allowed, rules: [...rules], said: `${who}: allowed. It changes no fact here.`, changed: false };
  }
  const said = `${who}: allowed, and done.`;
  const result = { allowed, rules: [...rules], said, changed: true };
  acting = moment;
  const batch = new Changes();
  effect(batch, uid(resource), { person: uid(person), context, now, text: text || '(no text)' });
  const next = world.with(batch);
  scene().worlds[moment.step] = next;
  world.dispose();
  return result;
}
