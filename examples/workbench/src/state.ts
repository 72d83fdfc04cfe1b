// What is looked at: whose eyes, which record, which moment. Kept in the page alone; a link has it only when asked for.

import type { Moment, Name, Opened, Source } from './shared.ts';

export const TABS = ['look', 'who', 'ask', 'matrix', 'rules', 'data'] as const;
export type Tab = (typeof TABS)[number];

export const TAB_TITLES: Readonly<Record<Tab, string>> = {
  look: 'Look',
  who: 'Who can',
  ask: 'Ask',
  matrix: 'Matrix',
  rules: 'Edit',
  data: 'Data',
};

export interface State {
  readonly source: Source;
  readonly opened: Opened | null;
  readonly tab: Tab;
  readonly moment: Moment;
  readonly person: Name | null;
  readonly beside: Name | null;
  readonly record: Name | null;
  /** Whether the record's page is open, or the home page. */
  readonly inside: boolean;
  readonly author: boolean;
  readonly action: string;
  /** Policies as they were edited, by the names of their files. */
  readonly edited: Readonly<Record<string, string>>;
}

export const START: State = {
  source: { kind: 'story' },
  opened: null,
  tab: 'look',
  moment: { step: 0, now: null, version: 0 },
  person: null,
  beside: null,
  record: null,
  inside: false,
  author: true,
  action: '',
  edited: {},
};

/** What a link says: of data that comes with the page, and never of somebody's own. */
export interface Link {
  readonly source?: 'story' | number;
  readonly tab?: Tab;
  readonly step?: number;
  readonly now?: string;
  readonly person?: Name;
  readonly beside?: Name;
  readonly record?: Name;
  readonly inside?: boolean;
  readonly action?: string;
}

/** The fragment of a link to what is looked at. Of own data it has the tab alone: ids are data too. */
export function fragment(state: State): string {
  const { source, tab, moment, person, beside, record, inside, action } = state;
  const parts = new URLSearchParams({ tab });
  if (source.kind === 'own') return `#${parts}`;
  parts.set('of', source.kind === 'story' ? 'story' : String(source.cases));
  const all = { person, beside, record, action, now: moment.now, step: moment.step > 0 ? String(moment.step) : null, inside: inside ? '1' : null };
  for (const [name, value] of Object.entries(all)) if (value !== null && value !== '') parts.set(name, value);
  return `#${parts}`;
}

/** What a fragment says; what it gets wrong is left out. */
export function read(hash: string): Link {
  const parts = new URLSearchParams(hash.replace(/^#/, ''));
  const of = parts.get('of');
  const cases = Number(of);
  const step = Number(parts.get('step') ?? 0);
  const now = parts.get('now');
  const tab = TABS.find((one) => one === parts.get('tab'));
  const text = (name: string) => {
    const value = parts.get(name);
    return value === null || value.length > 200 ? {} : { [name]: value };
  };
  return {
    ...(of === 'story' ? { source: 'story' as const } : Number.isInteger(cases) && cases > 0 && cases <= 10_000 ? { source: cases } : {}),
    ...(tab === undefined ? {} : { tab }),
    ...(Number.isInteger(step) && step > 0 ? { step } : {}),
    ...(now !== null && !Number.isNaN(Date.parse(now)) ? { now } : {}),
    ...text('person'),
    ...text('beside'),
    ...text('record'),
    ...text('action'),
    inside: parts.get('inside') === '1',
  };
}
