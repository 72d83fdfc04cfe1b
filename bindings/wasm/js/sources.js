// A schema and its policies as texts: what is loaded.

import { call } from './engine.js';
import { CasewardError } from './errors.js';
import { record } from './plain.js';
import { LIMITS, text } from './values.js';

const SOURCES = new Set(['schema', 'policies', 'catalogue']);

/** The text of the rules that come with this package: `{schema, policies, catalogue}`. */
export function attendanceSources() {
  const { schema, policies, catalogue } = JSON.parse(call((raw) => raw.Ward.attendance_sources()));
  const texts = policies.map(({ name, text }) => [name, text]);
  return { schema: schema.text, policies: Object.fromEntries(texts), catalogue: catalogue.text };
}

/** What the engine reads of `{schema, policies, catalogue}`. */
export function sourcesJson(sources) {
  const { schema, policies, catalogue } = record(sources, 'what is loaded', SOURCES);
  if (policies === undefined || policies === null) {
    throw new TypeError(`\`policies\` must be a text, or texts by the names of their files, and is ${policies}`);
  }
  const given = typeof policies === 'string' ? { policies } : record(policies, '`policies`, where it is no text,');
  const texts = Object.entries(given).map(([name, one]) => ({
    name: text(name, 'a name', LIMITS.name, 'policies'),
    text: text(one, `policy \`${name}\``, LIMITS.sources, 'policies'),
  }));
  // The rules' own schema comes with their catalogue of fields.
  const rules = schema === undefined || schema === null ? attendanceSources() : { schema };
  const fields = catalogue ?? rules.catalogue;
  const all = {
    schema: { name: 'schema.cedarschema', text: text(rules.schema, 'the schema', LIMITS.sources, 'policies') },
    policies: texts,
    catalogue:
      fields === undefined
        ? undefined
        : { name: 'fields.toml', text: text(fields, 'the catalogue', LIMITS.sources, 'policies') },
  };
  const size = texts.reduce((sum, one) => sum + one.text.length, rules.schema.length + (fields?.length ?? 0));
  if (size > LIMITS.sources) {
    throw new CasewardError('policies', `${size} characters of policies, more than the ${LIMITS.sources} that are taken`);
  }
  return JSON.stringify(all);
}
