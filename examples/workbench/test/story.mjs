// The story as the page has it, for tests in Node.

import { pathToFileURL } from 'node:url';

import { build } from 'esbuild';

import { Changes, World } from 'caseward';

/** The story's data and steps, and the data at a step. */
export async function story(folder) {
  const outfile = `${folder}/story.mjs`;
  const entry = new URL('../src/story/story.ts', import.meta.url).pathname;
  await build({ entryPoints: [entry], bundle: true, format: 'esm', outfile, logLevel: 'warning' });
  const { STORY, STEPS } = await import(pathToFileURL(outfile).href);
  const worldAt = (ward, at) => STEPS.slice(0, at + 1).reduce((world, { changes }) => {
    const batch = new Changes();
    changes(batch);
    return world.with(batch);
  }, World.read(ward, STORY.entities));
  return { STORY, STEPS, worldAt };
}
