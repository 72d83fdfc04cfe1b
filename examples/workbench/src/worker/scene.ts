// What is open: policies, the data at each step, and what things are called. The one place that makes wards and worlds.

import { type Answer, CasewardError, Changes, type Found, Ward, World } from 'caseward';
import { parse as parseToml } from 'smol-toml';

import type { Choice, Moment, Name, Opened, Source, Step } from '../shared.ts';
import { STEPS, STORY } from '../story/story.ts';
import { day, some, words } from '../words.ts';
import { type Dropped, read } from './files.ts';

export interface Entity {
  readonly type: string;
  readonly id: string;
}

/** What the catalogue says of a type of record. */
export interface About {
  readonly known_by: readonly string[];
  readonly sections: Readonly<Record<string, string>>;
  readonly items: readonly { readonly type: string; readonly by: string; readonly action: string }[];
}

export interface Texts {
  readonly schema: string;
  readonly policies: Record<string, string>;
  readonly catalogue: string;
}

export interface Scene {
  readonly source: Source;
  readonly title: string;
  readonly ward: Ward;
  readonly texts: Texts;
  readonly steps: readonly Step[];
  /** The data, a world a step. */
  readonly worlds: World[];
  /** What no rule reads, by entity and field. */
  readonly content: Record<Name, Record<string, string>>;
  readonly catalogue: Readonly<Record<string, About>>;
  readonly types: readonly string[];
  readonly principals: string;
}

const NOW = '2026-05-11T09:00:00+12:00';
let open: Scene | undefined;
/** The rules that come with the package: loaded once, for every source that goes by them. */
let ours: { ward: Ward; texts: Texts } | undefined;

export function attendance(): { ward: Ward; texts: Texts } {
  ours ??= { ward: Ward.attendance(), texts: Ward.attendanceSources() };
  return ours;
}

/** The scene that is open. */
export function scene(): Scene {
  if (open === undefined) throw new CasewardError('gone', 'nothing is open');
  return open;
}

/** Opens a source in the place of what is open; where it is refused, what was open stays. */
export function load(source: Source): Opened {
  const made = make(source);
  const before = open;
  open = made;
  for (const world of before?.worlds ?? []) world.dispose();
  if (before !== undefined && before.ward !== ours?.ward && before.ward !== made.ward) before.ward.dispose();
  return opened(made);
}

/** Opens the same source again, after the engine fell. */
export function again(): Opened | undefined {
  const source = open?.source;
  open = undefined;
  ours = undefined;
  if (source === undefined) return undefined;
  open = make(source);
  return opened(open);
}

function make(source: Source): Scene {
  if (source.kind === 'own') {
    const { texts: given, entities, names } = read(source.files);
    const { ward, texts } = given === undefined ? attendance() : loaded(given);
    try {
      const world = entities === undefined ? World.sample(ward, { cases: 200, seed: 1 }) : readWorld(ward, entities);
      return scened(source, names.join(', '), ward, texts, [world]);
    } catch (error) {
      if (given !== undefined) ward.dispose();
      throw error;
    }
  }
  const { ward, texts } = attendance();
  if (source.kind === 'sample') {
    const world = World.sample(ward, { cases: source.cases, seed: 1 });
    return scened(source, `Sample data: ${source.cases.toLocaleString('en-NZ')} cases`, ward, texts, [world]);
  }
  const worlds: World[] = [];
  let world = World.read(ward, STORY.entities as never);
  for (const { changes } of STEPS) {
    const batch = new Changes();
    changes(batch);
    world = world.with(batch);
    worlds.push(world);
  }
  return scened(source, 'Leo changes school', ward, texts, worlds);
}

/** Somebody's own policies; what they lack of schema and catalogue is that of attendance case management. */
function loaded({ policies, schema, catalogue }: Dropped): { ward: Ward; texts: Texts } {
  const ward = new Ward({ policies, ...(schema === undefined ? {} : { schema }), catalogue });
  const known = Ward.attendanceSources();
  const texts = { policies, schema: schema ?? known.schema, catalogue: catalogue ?? (schema === undefined ? known.catalogue : '') };
  return { ward, texts };
}

/** Entities in JSON, or a snapshot. */
function readWorld(ward: Ward, bytes: Uint8Array): World {
  const first = bytes.find((byte) => byte > 0x20);
  return first === 0x5b || first === 0x7b ? World.read(ward, bytes) : World.fromBytes(ward, bytes);
}

function scened(source: Source, title: string, ward: Ward, texts: Texts, worlds: World[]): Scene {
  const [first] = worlds;
  const types = entityTypes(texts.schema).filter((type) => {
    try {
      return first !== undefined && first.count(type) >= 0;
    } catch {
      return false;
    }
  });
  const principals = types.find((type) => /(^|::)User$/.test(type)) ?? types[0] ?? 'User';
  const steps = source.kind === 'story' ? STEPS.map(({ changes: _, ...step }) => step) : [{ title: '', text: '', now: NOW }];
  const content = source.kind === 'story' ? structuredClone(STORY.content) : {};
  return { source, title, ward, texts, steps, worlds, content, catalogue: catalogueOf(texts.catalogue), types, principals };
}

/** The entity types that a schema declares, with their namespaces. */
function entityTypes(schema: string): string[] {
  const text = schema.replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*/g, (all) => (all.startsWith('"') ? all : ''));
  const found: string[] = [];
  let namespace = '';
  for (const [, space, names] of text.matchAll(/\bnamespace\s+([\w:]+)\s*\{|\bentity\s+([\w\s,]+?)(?=\s*(?:in\b|enum\b|tags\b|[={;[]))/g)) {
    if (space !== undefined) namespace = `${space}::`;
    for (const name of names?.split(',') ?? []) found.push(namespace + name.trim());
  }
  return found;
}

/** What the catalogue says, read only to know which action shows which section. */
function catalogueOf(text: string): Record<string, About> {
  const all: Record<string, About> = {};
  for (const [type, value] of Object.entries(text === '' ? {} : parseToml(text))) {
    const about = value as Partial<About>;
    all[type] = { known_by: about.known_by ?? [], sections: about.sections ?? {}, items: about.items ?? [] };
  }
  return all;
}

function opened(of: Scene): Opened {
  const [world] = of.worlds;
  const people = world?.ids(of.principals) ?? [];
  const story = of.source.kind === 'story';
  const first = (type: string) => (of.types.includes(type) ? world : undefined)?.ids(type).slice(0, 1).map((id) => cedar({ type, id }))[0] ?? null;
  const pair = [people[0], people[1] ?? people[0]].flatMap((id) => (id === undefined ? [] : [cedar({ type: of.principals, id })]));
  return {
    title: of.title,
    own: of.source.kind === 'own',
    steps: of.steps,
    principals: of.principals,
    types: of.types.map((type) => ({ type, count: world?.count(type) ?? 0 })).filter(({ count }) => count > 0),
    policyHash: of.ward.policyHash,
    ours: of.ward.policyHash === attendance().ward.policyHash,
    policyCount: of.ward.policies().length,
    people: story ? ['User::"aroha.ngata"', 'User::"ngaire.scott"'] : ((pair.length === 2 ? pair : null) as never),
    record: story ? 'Case::"leo-2026"' : (first('Case') ?? first(of.types.find((type) => type !== of.principals) ?? of.principals)),
  };
}

/** The data of a moment, and the time of its questions. */
export function at(moment: Moment): { ward: Ward; world: World; now: Date } {
  const { ward, worlds, steps } = scene();
  const world = worlds[moment.step] ?? worlds[0];
  if (world === undefined) throw new CasewardError('gone', 'nothing is open');
  return { ward, world, now: new Date(moment.now ?? steps[moment.step]?.now ?? NOW) };
}

/** The name of an entity in Cedar's syntax. */
export function cedar({ type, id }: Entity): Name {
  return `${type}::${JSON.stringify(id)}`;
}

/** Type and id of a name in Cedar's syntax. */
export function uid(name: Name): Entity {
  const [, type = '', id = '""'] = /^(.*?)::("(?:[^"\\]|\\.)*")$/s.exec(name) ?? [];
  try {
    return { type, id: JSON.parse(id) as string };
  } catch {
    return { type, id: id.slice(1, -1) };
  }
}

export function isEntity(value: unknown): value is Entity {
  return typeof value === 'object' && value !== null && 'type' in value && 'id' in value && Object.keys(value).length === 2;
}

/** What an entity is called: by its name where there is content, else by its id. */
export function called(entity: Entity | Name): string {
  const name = typeof entity === 'string' ? entity : cedar(entity);
  const { type, id } = typeof entity === 'string' ? uid(entity) : entity;
  const { content, principals } = scene();
  const known = content[name];
  if (known?.['name'] !== undefined) return known['name'];
  if (known?.['number'] !== undefined) return `${words(type)} ${known['number']}`.replace(/^./, (c) => c.toUpperCase());
  if (known?.['title'] !== undefined) return known['title'];
  const plain = type.split('::').at(-1) ?? type;
  return type === principals || plain === 'MinistryTeam' ? words(id) : `${plain} ${id}`;
}

/** A value as people read it. */
export function said(value: Found | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return day(value);
  if (Array.isArray(value)) return value.map(said).join(', ');
  if (isEntity(value)) return called(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

/** The organisations that a person's attributes name, by attribute: what they are, not what they may. */
export function roles(attributes: Record<string, unknown>): { attribute: string; at: Entity }[] {
  return Object.entries(attributes).flatMap(([attribute, value]) => {
    const all = Array.isArray(value) ? value : [];
    return all.filter(isEntity).map((entity) => ({ attribute, at: entity }));
  });
}

/** `attendanceLeadAt` of Kōwhai as `attendance lead at Kōwhai`. */
export function roleSaid({ attribute, at: where }: { attribute: string; at: Entity }): string {
  const role = words(attribute);
  return / (at|for)$/.test(role) ? `${role} ${called(where)}` : `${role}: ${called(where)}`;
}

/** An entity as something to choose. */
export function choice(world: World, entity: Entity): Choice {
  const name = cedar(entity);
  const attributes = world.attributes(entity) ?? {};
  const about = entity.type === scene().principals
    ? some(roles(attributes).map(roleSaid), 3)
    : some(Object.entries(attributes).filter(([, value]) => !Array.isArray(value) || value.length > 0)
      .slice(0, 6).map(([field, value]) => `${words(field)}: ${said(value)}`), 6);
  return { name, title: called(entity), about };
}

export type { Answer };
