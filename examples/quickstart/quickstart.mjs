// Which cases may a person see, by which rules, and who else may see them?

import { Ward, World } from 'caseward';

// Once a process: the rules are parsed and validated here.
const ward = Ward.attendance();
// Made-up data. Your own comes by `World.fromJson`, from Cedar's entities JSON, and changes by `apply`.
const world = World.sample(ward, { cases: 50, seed: 1 });
// 9 a.m. in Wellington.
const now = new Date('2026-05-11T09:00:00+12:00');
const [principal, action] = ['User::"u00017"', 'viewSummary'];

console.log(`${principal} may see ${ward.count(world, { principal, action, type: 'Case', now })} of 50 cases`);
for (const id of ['c0000001', 'c0000002', 'c0000003']) {
  const resource = `Case::"${id}"`;
  const { decision, rules } = ward.answer(world, { principal, action, resource, now });
  const who = ward.who(world, { type: 'User', action, resource, now });
  console.log(`${id}: ${decision} by [${rules.join(' ')}]; ${who.length} people may see it`);
}
