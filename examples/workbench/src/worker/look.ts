// What a person finds: the home page and the page of a record, each from what `view` lets them see.

import { CasewardError, type Found, type Next, type Section, type View } from 'caseward';

import type {
  Button, Choice, Choices, Column, Entry, Home, HomeList, Moment, Name, RecordPage, ShownField, ShownSection,
} from '../shared.ts';
import { folded, title, words } from '../words.ts';
import { at, called, cedar, choice, isEntity, roleSaid, roles, said, scene, uid } from './scene.ts';

/** Rows of a page, and rows among which the search looks. */
const PAGE = 25;
const SEARCHED = 1_000;
/** Entities of which all is searched, those that are shown of what is found, and those among which a field lets choose. */
const FEW = 5_000;
const SHOWN = 50;
const OFFERED = 500;

/** People or records of a type, by search and by one attribute that names an organisation. */
export function choices(moment: Moment, type: string, search: string, facet: string): Choices {
  const { world } = at(moment);
  const wanted = folded(search.trim());
  const ids = world.ids(type);
  // Among many, names are searched alone: what is said of each takes too long to read.
  const few = ids.length <= FEW;
  const people = few && type === scene().principals;
  const facets = new Set<string>();
  const found: Choice[] = [];
  let total = 0;
  for (const id of ids) {
    const entity = { type, id };
    if (people) {
      const has = new Set(roles(world.attributes(entity) ?? {}).map(({ attribute }) => words(attribute)));
      for (const one of has) facets.add(one);
      if (facet !== '' && !has.has(facet)) continue;
    }
    if (wanted !== '' && !folded(`${id} ${called(entity)} ${few ? choice(world, entity).about : ''}`).includes(wanted)) continue;
    total += 1;
    if (found.length < SHOWN) found.push(choice(world, entity));
  }
  return { found, total, facets: [...facets].sort(), names: !few };
}

/** Which fields a list shows, as the guides for schools have them. */
const REQUESTS: Column[] = [
  { field: 'number', title: 'Request number' },
  { field: 'student', title: 'Applied for' },
  { field: 'type', title: 'Service' },
  { field: 'createdBy', title: 'Created by' },
  { field: 'status', title: 'Current status' },
];
const cases = (date: Column): Column[] => [
  { field: 'number', title: 'Reference number' },
  date,
  { field: 'student', title: 'Learner name' },
  { field: 'primaryContact', title: 'Primary contact' },
  { field: 'status', title: 'Current status' },
  { field: 'type', title: 'Type' },
];
const OPENED = cases({ field: 'openedAt', title: 'Date opened' });

/** The sections of the home page: which records, by the status that the person sees in them. */
const LISTS = [
  { key: 'drafts', title: 'Draft requests', type: 'Request', status: ['draft'], columns: REQUESTS },
  { key: 'active', title: 'Active cases', type: 'Case', status: ['open'], columns: OPENED },
  {
    key: 'closed', title: 'Closed cases', type: 'Case', status: ['closed'],
    columns: cases({ field: 'closedAt', title: 'Date closed' }),
  },
  {
    key: 'requests', title: 'Requests', type: 'Request',
    status: ['submitted', 'accepted', 'declined'], columns: REQUESTS,
  },
];

/** The home page of a person, its lists narrowed by what was typed above them. */
export function home(moment: Moment, person: Name, search: string, most: number): Home {
  const { world } = at(moment);
  const { catalogue } = scene();
  const attributes = world.attributes(person) ?? {};
  const head = { title: called(person), about: roles(attributes).map(roleSaid).join(', ') };
  if (!('Case' in catalogue) || !('Request' in catalogue)) return { ...head, lists: others(moment, person, search, most), service: null };
  const lists = LISTS.map((list) => {
    const ids = seen(moment, person, list.type).filter((id) => {
      const status = world.attributes({ type: list.type, id })?.['status'];
      return typeof status === 'string' && list.status.includes(status);
    });
    return rows(moment, person, list, ids, search, most);
  });
  return { ...head, lists, service: service(moment, person) };
}

/** The records of a type that a person may know of, by the first action that makes them known. */
function seen(moment: Moment, person: Name, type: string): string[] {
  const { ward, world, now } = at(moment);
  const [action] = scene().catalogue[type]?.known_by ?? [];
  if (action === undefined) return [];
  return ward.list(world, { principal: person, action, type, now });
}

/** The lists of a schema that is not attendance's: one a type that the catalogue speaks of. */
function others(moment: Moment, person: Name, search: string, most: number): HomeList[] {
  const types = Object.entries(scene().catalogue).filter(([, about]) => about.known_by.length > 0);
  return types.map(([type]) => {
    const list = { key: type, title: title(type), type, columns: [{ field: '', title: 'Name' }] };
    return rows(moment, person, list, seen(moment, person, type), search, most);
  });
}

/** The rows of a list: of each record what a view of it shows. */
function rows(
  moment: Moment,
  person: Name,
  list: { key: string; title: string; type: string; columns: readonly Column[] },
  ids: readonly string[],
  search: string,
  most: number,
): HomeList {
  const wanted = folded(search.trim());
  const looked = wanted === '' ? Math.min(ids.length, most) : Math.min(ids.length, SEARCHED);
  const shown = ids.slice(0, looked).map((id) => row(moment, person, { type: list.type, id }, list.columns));
  const found = wanted === '' ? shown : shown.filter(({ cells }) => folded(cells.join(' ')).includes(wanted));
  const number = wanted === '' ? ids.length : found.length;
  const { key, title: heading, columns } = list;
  return { key, title: heading, columns, rows: found.slice(0, most), total: ids.length, found: number, searched: looked };
}

function row(moment: Moment, person: Name, record: { type: string; id: string }, columns: readonly Column[]) {
  const { ward, world, now } = at(moment);
  const view = ward.view(world, { principal: person, resource: record, now });
  const fields = new Map(view.sections.flatMap((section) => section.fields).map((field) => [field.name, field]));
  const cells = columns.map(({ field }) => {
    if (field === '' || (field === 'number' && scene().content[cedar(record)]?.['number'] === undefined)) return record.id;
    const shown = fields.get(field);
    if (shown === undefined) return '';
    return shown.content ? (scene().content[shown.of]?.[shown.name] ?? '') : said(shown.value);
  });
  return { name: cedar(record), cells };
}

/** For whom the person may start a request, among the first students. */
function service(moment: Moment, person: Name): Home['service'] {
  const { ward, world, now } = at(moment);
  const all = world.ids('Student');
  const looked = all.slice(0, 200);
  const students = looked.filter((id) => {
    const resource = { type: 'Student', id };
    const one = ward.actions(world, { principal: person, resource, now }).find(({ action }) => action === 'createRequest');
    return one !== undefined && (one.allowed || one.needs.length > 0);
  });
  return { students: students.map((id) => choice(world, { type: 'Student', id })), looked: looked.length, all: all.length };
}

/** The button that starts a request for a student, where there is one. */
export function start(moment: Moment, person: Name, student: Name): Button | null {
  const { ward, world, now } = at(moment);
  const all = ward.actions(world, { principal: uid(person), resource: uid(student), now });
  const one = all.find(({ action }) => action === 'createRequest');
  return one === undefined || (!one.allowed && one.needs.length === 0) ? null : { ...button(moment, one), title: 'Start request' };
}

/** The page of a record. */
export function record(moment: Moment, person: Name, name: Name): RecordPage {
  const { ward, world, now } = at(moment);
  const heading = called(name);
  if (!(uid(name).type in scene().catalogue)) throw new CasewardError('request', `the catalogue says nothing of \`${uid(name).type}\`: no page of it can be shown`);
  const view = ward.view(world, { principal: person, resource: uid(name), now });
  const known = view.sections.length > 0;
  return {
    name,
    title: known ? heading : '',
    known,
    sections: view.sections.map(section),
    entries: view.items.map((item) => entry(moment, item)),
    actions: view.actions.map((next) => button(moment, next)),
    related: known ? related(moment, person, name, view) : [],
  };
}

function section({ name, fields }: Section): ShownSection {
  return { name, title: title(name), fields: fields.map(shown) };
}

function shown({ name, of, content, value }: Section['fields'][number]): ShownField {
  const last = name.split('.').at(-1) ?? name;
  const kept = content ? scene().content[of]?.[last] : undefined;
  const text = content ? (kept ?? '') : said(value);
  const state = content ? (kept === undefined ? 'kept' : 'value') : value === null || text === '' ? 'absent' : 'value';
  return { name, title: title(name.replace('.', ' ')), text, state };
}

function entry(moment: Moment, item: View['items'][number]): Entry {
  const fields = item.sections.flatMap(({ fields }) => fields);
  const value = (name: string) => fields.find((field) => field.name === name);
  const { content } = scene();
  const kept = (name: string) => (value(name) === undefined ? '' : (content[item.resource]?.[name] ?? ''));
  const kind = said(value('kind')?.value);
  const about = ['text', 'fileName', 'serviceName', 'message'].map(kept).find((text) => text !== '') ?? '';
  const more = fields.map(shown).filter(({ state, name }) => state === 'value' && !['kind', 'case', 'text', 'title', 'createdAt', 'author'].includes(name));
  return {
    name: item.resource,
    kind,
    title: kept('title') || title(kind || uid(item.resource).id),
    text: about,
    at: kept('createdAt'),
    by: said(value('author')?.value),
    more,
    actions: item.actions.map((next) => button(moment, next)),
  };
}

/** A button, with the entities among which what it asks for can be chosen. */
export function button(moment: Moment, { action, needs }: Next): Button {
  const { world } = at(moment);
  const asked = needs.map((need) => {
    const given = need.values?.filter(isEntity) as { type: string; id: string }[] | undefined;
    const type = need.type.replace(/^.*::/, '');
    const known = scene().types.includes(need.type) ? need.type : scene().types.find((one) => one.endsWith(`::${type}`));
    const all = given?.length || known === undefined ? [] : world.ids(known);
    const among = given?.length ? given : all.slice(0, OFFERED).map((id) => ({ type: known ?? '', id }));
    const left = Math.max(0, all.length - OFFERED);
    return { ...need, title: title(need.field), choices: among.map((entity) => choice(world, entity)), left };
  });
  return { action, title: title(action), needs: asked };
}

/** Requests of the same student that the person sees, and others of their records. */
function related(moment: Moment, person: Name, name: Name, view: View): HomeList[] {
  const { world } = at(moment);
  const student = view.sections.flatMap(({ fields }) => fields).find((field) => field.name === 'student')?.value as Found | undefined;
  if (!isEntity(student) || !('Request' in scene().catalogue) || !('Case' in scene().catalogue)) return [];
  const same = (type: string) =>
    seen(moment, person, type).filter((id) => {
      const other = world.attributes({ type, id })?.['student'];
      return isEntity(other) && other.id === student.id && cedar({ type, id }) !== name;
    });
  const lists = [
    { key: 'requests', title: 'Requests', type: 'Request', columns: REQUESTS },
    { key: 'cases', title: 'Other cases', type: 'Case', columns: OPENED },
  ];
  return lists.map((list) => rows(moment, person, list, same(list.type), '', PAGE));
}
