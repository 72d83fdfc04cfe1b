// What a file is, by its name and the folder that it lies in: as the command goes by them.

export type Kind = 'policy' | 'schema' | 'catalogue' | 'data';

/** Folders of a folder of policies that hold no policies in force: claims, who fits, and cases. */
const APART = /(^|\/)(invariants|guarantees|fits|tests)\//;

/** What a file is; nothing where it is of no use here. */
export function kind(path: string): Kind | undefined {
  if (APART.test(path)) return undefined;
  if (/\.cedar$/i.test(path)) return 'policy';
  if (/\.cedarschema$/i.test(path)) return 'schema';
  if (/(^|\/)fields\.toml$/.test(path)) return 'catalogue';
  return /\.(json|snapshot|bin)$/i.test(path) ? 'data' : undefined;
}
