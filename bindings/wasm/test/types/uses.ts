// Real uses of the package, as `tsc --strict` sees them. Nothing here is run.

import {
  type ActionAnswer,
  type Answer,
  CasewardError,
  Changes,
  type Context,
  type Decisions,
  type ErrorKind,
  type Explanation,
  type Filter,
  type Found,
  type Granted,
  LIMITS,
  type Problem,
  type Sighted,
  type Sorted,
  type Table,
  type Uid,
  type Visible,
  Ward,
  type Watch,
  World,
  diagnose,
  format,
  init,
  initSync,
  span,
} from 'caseward';

await init();
await init(new URL('caseward.wasm', import.meta.url));
await init(fetch('/caseward.wasm'));
initSync(new Uint8Array());

using ward: Ward = Ward.attendance();
using world: World = World.sample(ward, { cases: 10, seed: 7n });
const now = new Date();
const principal: Uid = { type: 'User', id: 'u1' };
const context: Context = { sizeBytes: 4096, big: 2n ** 60n, tags: new Set(['a']), record: { a: [1, 2], b: undefined } };

const answer: Answer = ward.answer(world, { principal, action: 'viewSummary', resource: 'Case::"c1"', context, now });
const may: boolean = ward.allows(world, { principal, action: 'viewSummary', resource: 'Case::"c1"', now });
const { allowed, decision, policies, version, now: at }: Answer = answer;
const text: string = `${allowed} ${decision satisfies 'allow' | 'deny'} ${policies.join()} ${version} ${at?.toISOString()}`;

const many: Decisions = ward.checkMany(world, {
  principalType: 'User',
  principals: 'u1',
  action: 'viewSummary',
  resourceType: 'Case',
  resources: world.numbers('Case', ['c1', 'c2']),
});
const first: number | undefined = many.allowed[0];

const question = { principal, action: 'viewSummary', type: 'Case', context };
const ids: string[] = ward.list(world, question);
const count: number = ward.count(world, question);
{
  using found: Visible = ward.visible(world, question);
  const { ids: page, next } = found.page();
  if (next !== undefined) found.page(next, { most: 20 }).ids.concat(page);
}
const listed: Sorted = ward.sorted(world, { ...question, by: 'openedAt', descending: true, where: ['status=open'] });
const pages: string[][] = [listed.page().ids, listed.page(listed.page().next, { most: 20 }).ids];
{
  using watch: Watch = ward.watch(world, { ...question, waiting: 10 });
  const seen: readonly string[] = watch.first;
  for await (const { version, came, went } of watch) pages.push([`${version}`, ...seen, ...came, ...went]);
  const last: IteratorResult<Sighted, undefined> = await watch.next();
  if (last.done !== true) watch.tick(last.value.now);
}
const actions: ActionAnswer[] = ward.actions(world, { principal, resource: 'Case::"c1"' });
const next: string[] = actions.filter(({ allowed }) => allowed).map(({ action }) => action);
const why: Explanation = ward.explain(world, { principal, action: 'viewRecord', resource: 'Case::"c1"' });
const failed = why.nearest.flatMap(({ conditions }) => conditions.filter(({ holds }) => holds === false));

const { sections, items } = ward.view(world, { principal, resource: 'Case::"c1"', context });
const shown = sections.flatMap(({ fields }) => fields.map(({ name, value, content }) => [name, content ? 'yours' : value]));
const people: string[] = ward.who(world, { resource: 'Case::"c1"', action: 'viewSummary', type: 'User' });
const grants: Granted[] = ward.whoWithReasons(world, { resource: 'Case::"c1"', action: 'viewSummary', type: 'User' });
const told: string[] = ward.alert(world, { resource: 'Case::"c1"', type: 'User', now });
using table: Table = ward.countBy(world, { ...question, by: ['status', 'month of openedAt'], protect: { below: 6 } });
const most = Math.max(...table.cells.map(({ count }) => count ?? 0));
const released: readonly Table[] | undefined = ward.release(world, { principal, release: '', protect: { key: 'k' } });
const report: Table | undefined = ward.report(world, { principal, kind: 'school', by: [], zone: 'UTC' });
const filter: Filter = ward.filter(world, { ...question, dialect: 'postgres', mapping: 'foreign_keys = true' });
const values: unknown[] = filter.params.map(({ value }) => value);
const third: Filter = ward.filter(world, { ...question, dialect: 'sqlite', firstParameter: 3, parameterStyle: '?1', alias: 'c' });
const signs: readonly string[] = third.signs;
const query: string = `${ward.select('Case', { dialect: 'postgres' })} WHERE ${filter.sql}`;
const made: string[] = ward.tables({ dialect: 'duckdb' });
const turn: string = why.turn.outcome === 'found' ? why.turn.edits.map(({ path }) => path.join('.')).join() : why.turn.outcome;

const changed: number = world.apply(
  new Changes()
    .put({ type: 'School', id: 's' }, { kind: 'state', opened: new Date(), roll: 400n })
    .set('Student::"n1"', 'enrolledAt', { type: 'School', id: 's' })
    .setParents('Student::"n1"', [])
    .remove('School::"old"'),
);
const attributes: { [name: string]: Found } | undefined = world.attributes('School::"s"');

const worker = new Worker('worker.js', { type: 'module' });
const bytes = world.toBytes();
worker.postMessage(bytes, [bytes.buffer as ArrayBuffer]);

try {
  new Ward({ policies: { 'a.cedar': '@id("a") permit (principal, action, resource);' } });
} catch (error) {
  if (!(error instanceof CasewardError)) throw error;
  const kind: ErrorKind = error.kind;
  if (kind === 'policies') error.problems.map(({ message, line, column }: Problem) => `${message} at ${line}:${column}`);
}
const problems: Problem[] = diagnose(Ward.attendanceSources());
const tidy: string = format('permit (principal, action, resource);');
const place = span(tidy, { start: 0, end: LIMITS.name });

// @ts-expect-error A list needs to know the type of what is listed.
ward.list(world, { principal, action: 'viewSummary' });
// @ts-expect-error Cedar has no null.
ward.allows(world, { principal, action: 'viewSummary', resource: principal, context: { sizeBytes: null } });
// @ts-expect-error The time stands beside the context.
ward.allows(world, { principal, action: 'viewSummary', resource: principal, context: { now } });
// @ts-expect-error No question has such a key.
ward.allows(world, { principal, action: 'viewSummary', resource: principal, nwo: now });
// @ts-expect-error An answer is true in every `if`: there is `allows`.
if (ward.check(world, { principal, action: 'viewSummary', resource: principal })) throw new Error();
// @ts-expect-error A kind is one of those that there are.
const unknown: ErrorKind = 'unheard';
// @ts-expect-error A world is made by one of its functions.
new World();
// @ts-expect-error What was answered is not to be changed.
answer.allowed = true;
// @ts-expect-error Counts are protected in one way.
ward.countBy(world, { ...question, by: [], protect: { below: 6, key: 'sixteen bytes at least' } });
// @ts-expect-error And in one at least.
ward.countBy(world, { ...question, by: [], protect: {} });

export { grants, items, may, most, people, released, report, shown, told, turn };
export { attributes, changed, count, failed, first, ids, next, pages, place, problems, signs, text, unknown, why };
