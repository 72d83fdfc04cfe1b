// A user's page: loads the package, asks, and hands its data to a worker.

import { CasewardError, Changes, Ward, World, init } from 'caseward';

const results = {};

try {
  Ward.attendance();
} catch (error) {
  results.early = error.kind;
}
await Promise.all([init(), init()]);

const ward = Ward.attendance();
const world = World.sample(ward, { cases: 200, seed: 5 });
const now = new Date('2026-05-10T21:00:00Z');
const asked = world.ids('User').slice(0, 40).map((id) => ({
  principal: { type: 'User', id },
  action: 'viewSummary',
  type: 'Case',
  now,
}));
results.lists = asked.map((question) => ward.list(world, question));
results.checks = asked.map(({ type: _, ...question }, at) => {
  const resource = { type: 'Case', id: `c${String(at + 1).padStart(7, '0')}` };
  return ward.json.answer(world, { ...question, resource });
});
results.sorted = asked.map((question) => ward.sorted(world, { ...question, by: 'openedAt' }).page(undefined, { most: 5 }).ids);
const watch = ward.watch(world, asked[0]);
world.apply(new Changes().set('Student::"n0000001"', 'nsn', '9999999999'));
results.version = world.version;
const next = watch.next();
world.apply(new Changes().set(asked[0].principal, 'loginActive', false));
results.watched = [watch.first, (await next).value.went];
watch.dispose();
world.apply(new Changes().set(asked[0].principal, 'loginActive', true));
try {
  ward.answer(world, { principal: 'User::"u00001"', action: 'viewSumary', resource: 'Case::"c0000001"' });
} catch (error) {
  results.error = [error instanceof CasewardError, error.kind, error.message];
}

// A worker opens the snapshot that it is sent.
const worker = new Worker('opener.js', { type: 'module' });
results.worker = await new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
  const snapshot = world.toBytes();
  worker.postMessage({ snapshot, asked }, [snapshot.buffer]);
});
worker.terminate();

document.querySelector('#result').textContent = JSON.stringify(results);
