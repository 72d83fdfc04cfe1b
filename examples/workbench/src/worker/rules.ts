// The policies as text: their problems, their layout, and what an edit of them changes in the data that is open.

import { CasewardError, type ListQuestion, type Matrix, type Policy, type Problem, Ward, type World, diagnose, format, span } from 'caseward';
import { parse } from 'smol-toml';

import plan from '../../../../policies/matrix.toml';
import type { Delta, DeltaLine, Grid, Moment } from '../shared.ts';
import { some } from '../words.ts';
import { at, attendance, called, roleSaid, roles as rolesOf, scene } from './scene.ts';

/** Policies by the names of their files, as somebody edits them. */
export type Edited = Readonly<Record<string, string>>;

/** A problem, its place as one of JavaScript's strings. */
export interface Marked {
  readonly source: string;
  readonly severity: 'warning' | 'error';
  readonly message: string;
  readonly help: string | null;
  readonly line: number | null;
  readonly from: number;
  readonly to: number;
}

/** Every policy of what is open, with its text. */
export function texts(): { files: Record<string, string>; schema: string; policies: (Policy & { file: string })[] } {
  const { ward, texts } = scene();
  const policies = ward.policies().map((policy) => {
    const source = policy['source'];
    return { ...policy, file: typeof source === 'string' ? source : `${policy.id}` };
  });
  return { files: texts.policies, schema: texts.schema, policies };
}

/** What is wrong with a policy as it was edited: looked at alone, so that it is told while somebody types. */
export function problems(file: string, text: string): Marked[] {
  const found = diagnose({ schema: scene().texts.schema, policies: { [file]: text } });
  return found.map((problem) => marked(problem, text));
}

function marked(problem: Problem, text: string): Marked {
  const { source, severity, message, help, line } = problem;
  const place = problem.span === null || text === '' ? { start: 0, end: 0 } : span(text, problem.span);
  return { source, severity, message, help, line, from: place.start, to: place.end };
}

/** A policy in Cedar's standard layout. */
export function tidy(text: string, name: string): string {
  return format(text, name);
}

/** People after whom the worker looks up while it compares. */
const CHUNK = 40;
let comparing = 0;

/** Stops a comparison that is under way. */
export function stop(): void {
  comparing += 1;
}

/** What edited policies change, for everybody and every record that is open, by action; up to a number of people. */
export async function delta(moment: Moment, edited: Edited, most: number): Promise<Delta> {
  comparing += 1;
  const mine = comparing;
  const { ward, world, now } = at(moment);
  const { texts, principals, types } = scene();
  const other = new Ward({ schema: texts.schema, policies: { ...texts.policies, ...edited }, catalogue: texts.catalogue });
  try {
    const everybody = world.ids(principals);
    const people = everybody.slice(0, most);
    const ofPeople = everybody.length;
    const all = actionsOf(moment, types);
    const touched = touches(texts.policies, edited, all.names);
    const questions = touched === null ? all.questions : all.questions.filter(({ action }) => touched.has(action));
    const left = [...all.left].filter((action) => touched === null || touched.has(action));
    const lines: { gained: DeltaLine[]; lost: DeltaLine[] } = { gained: [], lost: [] };
    let total = 0;
    for (const [index, id] of people.entries()) {
      if (index % CHUNK === CHUNK - 1) await new Promise((done) => setTimeout(done));
      if (mine !== comparing) return { ...lines, people: index, ofPeople, questions: questions.length, left, total, stopped: true };
      const person = { type: principals, id };
      for (const { action, type } of questions) {
        const asked = { principal: person, action, type, now };
        if (same(ward, other, world, asked)) continue;
        const [before, after] = [ward.list(world, asked), other.list(world, asked)];
        const [had, has] = [new Set(before), new Set(after)];
        const line = (ids: string[], by: Ward): DeltaLine => ({
          person: called(person),
          roles: some(rolesOf(world.attributes(person) ?? {}).map(roleSaid), 3),
          action,
          records: ids.slice(0, 5).map((one) => called({ type, id: one })),
          count: ids.length,
          rules: [...by.answer(world, { principal: person, action, resource: { type, id: ids[0] ?? '' }, now }).rules],
        });
        const [gained, lost] = [after.filter((one) => !had.has(one)), before.filter((one) => !has.has(one))];
        total += gained.length + lost.length;
        if (gained.length > 0 && lines.gained.length < 200) lines.gained.push(line(gained, other));
        if (lost.length > 0 && lines.lost.length < 200) lines.lost.push(line(lost, ward));
      }
    }
    return { ...lines, people: people.length, ofPeople, questions: questions.length, left, total, stopped: false };
  } finally {
    other.dispose();
  }
}

/** Whether two wards let a person do something to the same records. */
function same(ward: Ward, other: Ward, world: World, asked: ListQuestion): boolean {
  using before = ward.visible(world, asked);
  using after = other.visible(world, asked);
  if (before.size !== after.size) return false;
  const [had, has] = [before.numbers(), after.numbers()];
  return had.every((one, at) => one === has[at]);
}

/**
 * The actions to which the edited policies can apply; null for all. It says which questions are worth asking again, and
 * rather too many: a policy applies to what its scope names, to the members of groups, or to everything.
 */
function touches(base: Edited, edited: Edited, known: ReadonlySet<string>): ReadonlySet<string> | null {
  const named = new Set<string>();
  for (const [file, text] of Object.entries(edited)) {
    for (const one of [base[file] ?? '', text]) {
      const bare = one.replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*/g, (all) => (all.startsWith('"') ? '""' : ''));
      const actions = [...one.matchAll(/\bAction::"((?:\\.|[^"\\])*)"/g)].map(([, action = '']) => action);
      if (/\baction\s*,/.test(bare) || actions.some((action) => !known.has(action))) return null;
      for (const action of actions) named.add(action);
    }
  }
  return named;
}

interface Questions {
  readonly questions: readonly { readonly action: string; readonly type: string }[];
  /** Actions that a list cannot be asked about, since their context takes more than the time. */
  readonly left: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
}

/** Which actions there are for which types of records, and those of which a list needs more than the time. */
function actionsOf(moment: Moment, types: readonly string[]): Questions {
  const { ward, world, now } = at(moment);
  const { principals } = scene();
  const [someone] = world.ids(principals);
  const questions: { action: string; type: string }[] = [];
  const left = new Set<string>();
  for (const type of types) {
    const [first] = world.ids(type);
    if (first === undefined || someone === undefined) continue;
    const principal = { type: principals, id: someone };
    for (const { action } of ward.actions(world, { principal, resource: { type, id: first }, now })) {
      try {
        ward.list(world, { principal, action, type, now });
        questions.push({ action, type });
      } catch (error) {
        if (!(error instanceof CasewardError) || error.kind !== 'request') throw error;
        left.add(action);
      }
    }
  }
  return { questions, left, names: new Set([...questions.map(({ action }) => action), ...left]) };
}

/** Whom the columns of a matrix stand for. */
const roles = (parse(plan)['person'] as { heading: string; legend: string }[]).map(({ heading, legend }) => ({ id: heading, title: legend }));

/** Matrices by the hash of their policies: each takes seconds to make. */
const matrices = new Map<string, Matrix>();

function matrixOf(ward: Ward): Matrix {
  const known = matrices.get(ward.policyHash) ?? ward.matrix();
  matrices.delete(ward.policyHash);
  matrices.set(ward.policyHash, known);
  // The last few are kept.
  const [oldest] = matrices.keys();
  if (matrices.size > 4 && oldest !== undefined) matrices.delete(oldest);
  return known;
}

/**
 * Role by action by situation. `edited`: as the edited policies have it, and what they change of those that are open;
 * `package`: as those that are open have it, and what they change of those that come with the package.
 */
export function grid(against: 'edited' | 'package' | null, edited: Edited): Grid {
  const { ward, texts } = scene();
  if (against === null) return { roles, blocks: matrixOf(ward).blocks, changed: null };
  if (against === 'package') {
    const after = matrixOf(ward);
    return { roles, blocks: after.blocks, changed: differences(matrixOf(attendance().ward), after) };
  }
  const other = new Ward({ schema: texts.schema, policies: { ...texts.policies, ...edited }, catalogue: texts.catalogue });
  try {
    const after = matrixOf(other);
    return { roles, blocks: after.blocks, changed: differences(matrixOf(ward), after) };
  } finally {
    other.dispose();
  }
}

/** The cells in which two matrices differ. */
function differences(before: Matrix, after: Matrix): Record<string, 'gained' | 'lost'> {
  const changed: Record<string, 'gained' | 'lost'> = {};
  for (const [at, block] of after.blocks.entries()) {
    for (const row of block.rows) {
      const had = new Set(before.blocks[at]?.rows.find(({ action }) => action === row.action)?.allowed ?? []);
      const has = new Set(row.allowed);
      for (const role of has) if (!had.has(role)) changed[`${at}/${row.action}/${role}`] = 'gained';
      for (const role of had) if (!has.has(role)) changed[`${at}/${row.action}/${role}`] = 'lost';
    }
  }
  return changed;
}

/** The policies that speak of an action by name, or of all. */
export function speaking(action: string): { id: string; rule: string; effect: string; description: string }[] {
  const { ward } = scene();
  return ward.policies().filter(({ id }) => {
    const text = ward.source(id) ?? '';
    return text.includes(`Action::"${action}"`) || /\(\s*principal[^,]*,\s*action\s*,/.test(text);
  }).map(({ id, rule, effect, description }) => ({ id, rule: rule ?? id, effect, description: description ?? '' }));
}

