// Files that are dropped or chosen, read into the page's memory.

import { kind } from '../kinds.ts';
import type { OwnFile } from '../shared.ts';

/** Folders that hold what is built or versioned. */
const SKIPPED = /(^|\/)(\.git|target|node_modules)\//;
/** How much is read at most, and how many files. */
const MOST_BYTES = 512 * 2 ** 20;
const MOST_FILES = 10_000;

type Located = { readonly path: string; readonly file: File };

async function readAll(all: readonly Located[]): Promise<OwnFile[]> {
  const wanted = all.filter(({ path }) => (kind(path) !== undefined || all.length === 1) && !SKIPPED.test(path));
  const size = wanted.reduce((sum, { file }) => sum + file.size, 0);
  if (wanted.length > MOST_FILES) throw new Error(`${wanted.length} files are more than the ${MOST_FILES} that are read`);
  if (size > MOST_BYTES) throw new Error(`${Math.round(size / 2 ** 20)} MB are more than the ${MOST_BYTES / 2 ** 20} that are read`);
  return Promise.all(wanted.map(async ({ path, file }) => ({ path, bytes: new Uint8Array(await file.arrayBuffer()) })));
}

/** What was chosen with an input, which is empty for the next time. */
export function fromInput(input: HTMLInputElement): () => Promise<OwnFile[]> {
  const all = [...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  input.value = '';
  return () => readAll(all);
}

/** What was dropped, folders with what is in them. What was dropped is known only until the event is over: it is taken now. */
export function fromTransfer(transfer: DataTransfer): () => Promise<OwnFile[]> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const files = [...transfer.files].map((file) => ({ path: file.name, file }));
  return async () => {
    if (entries.length === 0) return readAll(files);
    const found: Located[] = [];
    for (const entry of entries) await walk(entry, found);
    return readAll(found);
  };
}

async function walk(entry: FileSystemEntry, found: Located[]): Promise<void> {
  const path = entry.fullPath.replace(/^\//, '');
  if (found.length > MOST_FILES || SKIPPED.test(`${path}/`)) return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader gives some entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const one of some) await walk(one, found);
  }
}
