// The package as Node loads it: ready as soon as it is imported.

import { readFileSync } from 'node:fs';

import { initSync } from './engine.js';

initSync(readFileSync(new URL('../pkg/caseward_bg.wasm', import.meta.url)));

export * from './index.js';
