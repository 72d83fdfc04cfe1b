// The story of Leo, who changes school, step by step. What happens is written here; who may then see and do what is
// asked of the policies. `before.json` is what `caseward demo --world before` gives.

import type { Changes as Batch } from 'caseward';
import type { Step } from '../shared.ts';

import content from './content.json';
import entities from './before.json';

type Told = Step & { readonly changes: (batch: Batch) => void };

/** The data as the story begins, and what no rule reads: names, texts, files. */
export const STORY: { entities: unknown[]; content: Record<string, Record<string, string>> } = { entities, content };

const user = (id: string) => ({ type: 'User', id });
const school = (id: string) => ({ type: 'School', id });
const provider = (id: string) => ({ type: 'Provider', id });
const LEO = 'Student::"leo"';
const OPEN = 'Case::"leo-2026"';

/** What the workbench adds to the demo's data, so that every part of a page has something to show. */
function more(batch: Batch): void {
  const item = (id: string, kind: string, author: string, at: object) => {
    const none = { case: { type: 'Case', id: 'leo-2026' }, sensitive: false, sharedWith: [] };
    batch.put({ type: 'Item', id }, { ...none, kind, author: user(author), ...at });
  };
  item('school-comment', 'comment', 'aroha.ngata', { writtenAt: school('kowhai') });
  item('plan-file', 'file', 'ngaire.scott', { sharedWith: [school('kowhai')] });
  item('nurse', 'serviceReferral', 'ngaire.scott', { sharedWith: [school('kowhai')] });
  batch.put({ type: 'Student', id: 'maia' }, {
    nsn: '1000000002', enrolledAt: school('kowhai'), yearLevel: 10, attendanceRate: 610,
  });
  const made = { school: school('kowhai'), createdBy: user('mele.taufa') };
  batch.put({ type: 'Request', id: 'maia-draft' }, { ...made, student: { type: 'Student', id: 'maia' }, status: 'draft' });
  batch.put({ type: 'Request', id: 'leo-request' }, {
    ...made, student: { type: 'Student', id: 'leo' }, status: 'accepted', provider: provider('harbour'),
    caseManager: user('ngaire.scott'), primaryContact: user('hemi.walker'),
  });
}

export const STEPS: readonly Told[] = [
  {
    title: 'At Kōwhai',
    text: 'Leo, year 9, is at Kōwhai High School. Harbour holds his open case; an earlier one is closed.',
    now: '2026-05-11T09:00:00+12:00',
    changes: more,
  },
  {
    title: 'Enrolment ends',
    text: 'Leo leaves Kōwhai and is enrolled nowhere. His contact there no longer fits. Harbour keeps the case.',
    now: '2026-05-22T09:00:00+12:00',
    changes: (batch) => {
      batch.unset(LEO, 'enrolledAt').set(LEO, 'lastSchool', school('kowhai')).unset(OPEN, 'primaryContact');
    },
  },
  {
    title: 'At Rātā',
    text: 'Leo enrols at Rātā College, in the catchment of Southern. The open case goes there, with nobody on it yet.',
    now: '2026-06-02T09:00:00+12:00',
    changes: (batch) => {
      batch.unset(LEO, 'lastSchool').set(LEO, 'enrolledAt', school('rata')).set(LEO, 'currentProvider', provider('southern'));
      batch.unset(LEO, 'currentCaseManager').unset(OPEN, 'caseManager').set(OPEN, 'team', []);
      batch.set(OPEN, 'school', school('rata')).set(OPEN, 'provider', provider('southern'));
      batch.set('Request::"leo-request"', 'provider', provider('southern')).unset('Request::"leo-request"', 'caseManager');
    },
  },
  {
    title: 'Taken on',
    text: 'Tom Henare of Southern takes the case on, and Sione Fonua is the contact at Rātā.',
    now: '2026-06-09T09:00:00+12:00',
    changes: (batch) => {
      batch.set(LEO, 'currentCaseManager', user('tom.henare')).set(OPEN, 'caseManager', user('tom.henare'));
      batch.set(OPEN, 'primaryContact', user('sione.fonua')).set('Request::"leo-request"', 'caseManager', user('tom.henare'));
    },
  },
  {
    title: 'Notified',
    text: "Southern's workflow lead notifies the case for prosecution.",
    now: '2026-07-20T09:00:00+12:00',
    changes: (batch) => {
      batch.set(OPEN, 'prosecutionNotified', true);
    },
  },
];
