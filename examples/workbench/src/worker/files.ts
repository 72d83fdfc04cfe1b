// Files that somebody dropped on the page: which of them are policies, which the data.

import { CasewardError } from 'caseward';

import { type Kind, kind } from '../kinds.ts';
import type { OwnFile } from '../shared.ts';
/** Sources as they were dropped: schema and catalogue are those of attendance case management where there are none. */
export interface Dropped {
  readonly policies: Record<string, string>;
  readonly schema: string | undefined;
  readonly catalogue: string | undefined;
}

export interface Read {
  readonly texts: Dropped | undefined;
  readonly entities: Uint8Array | undefined;
  readonly names: readonly string[];
}

/** Sorts files by what they are. */
export function read(files: readonly OwnFile[]): Read {
  const text = ({ path, bytes }: OwnFile) => {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw new CasewardError('data', `\`${path}\` is not UTF-8`);
    }
  };
  const of = (wanted: Kind) => files.filter(({ path }) => kind(path) === wanted);
  const [cedar, data, [catalogue]] = [of('policy'), of('data'), of('catalogue')];
  // Of several schemas, the one that lies least deep.
  const schemas = of('schema').sort((a, b) => depth(a.path) - depth(b.path));
  if (cedar.length === 0 && data.length === 0) {
    throw new CasewardError('data', 'no policies (`.cedar`), entities (`.json`) or snapshot (`.snapshot`) among what was dropped');
  }
  const [entities, ...others] = data;
  if (others.length > 0) {
    throw new CasewardError('data', `one file of data at a time, not ${data.length}: ${data.map(({ path }) => `\`${path}\``).join(', ')}`);
  }
  const names = [
    ...(cedar.length > 0 ? [`${cedar.length} policies`] : []),
    ...(entities === undefined ? [] : [entities.path.split('/').at(-1) ?? entities.path]),
  ];
  return { texts: texts(cedar, schemas[0], catalogue, text), entities: entities?.bytes, names };
}

function depth(path: string): number {
  return path.split('/').length;
}

function texts(
  cedar: readonly OwnFile[],
  schema: OwnFile | undefined,
  catalogue: OwnFile | undefined,
  text: (file: OwnFile) => string,
): Dropped | undefined {
  if (cedar.length === 0) return undefined;
  // A policy's name is its place below the schema, or below the folder that was dropped.
  const root = schema === undefined ? common(cedar.map(({ path }) => path)) : folder(schema.path);
  const policies = Object.fromEntries(
    cedar.filter(({ path }) => path.startsWith(root)).map((file) => [file.path.slice(root.length), text(file)]),
  );
  const texts = { schema: schema && text(schema), catalogue: catalogue && text(catalogue) };
  return { policies, ...texts };
}

function folder(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** The folder that all paths share, where they lie in one. */
function common(paths: readonly string[]): string {
  const firsts = new Set(paths.map((path) => path.split('/')[0]));
  const [first] = firsts;
  return firsts.size === 1 && first !== undefined && paths.every((path) => path.includes('/')) ? `${first}/` : '';
}
