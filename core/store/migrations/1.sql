-- What the store keeps beside the facts, whose tables follow from the schema.
CREATE TABLE caseward_setting (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);
-- Content that no rule reads, by the catalogue: JSON.
CREATE TABLE caseward_content (
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (type, id, field)
);
-- The version in which an entity or its content changed last.
CREATE TABLE caseward_changed (
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (type, id)
);
-- What a version changed, as the change that takes it back; `name` is empty for an entity as a whole.
CREATE TABLE caseward_history (
  version BIGINT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  undo TEXT NOT NULL,
  PRIMARY KEY (version, type, id, name)
);
CREATE INDEX caseward_history_by_entity ON caseward_history (type, id);
-- Every audited entry. A disposed entry has neither payload nor salt.
CREATE TABLE caseward_log (
  event BIGINT NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  recorded BIGINT NOT NULL,
  kind TEXT NOT NULL,
  envelope TEXT NOT NULL,
  payload TEXT,
  salt TEXT
);
CREATE INDEX caseward_log_by_recorded ON caseward_log (recorded, version);
-- What an entry speaks of, so that it is found.
CREATE TABLE caseward_log_about (
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  event BIGINT NOT NULL,
  PRIMARY KEY (type, id, event)
);
-- What was done under a key.
CREATE TABLE caseward_answer (
  person TEXT NOT NULL,
  key TEXT NOT NULL,
  command TEXT NOT NULL,
  answer TEXT NOT NULL,
  recorded BIGINT NOT NULL,
  event BIGINT NOT NULL,
  PRIMARY KEY (person, key)
);
CREATE INDEX caseward_answer_by_event ON caseward_answer (event);
CREATE INDEX caseward_answer_by_recorded ON caseward_answer (recorded);
-- Who is to be told of what, until whoever sends takes it away.
CREATE TABLE caseward_outbox (
  event BIGINT NOT NULL,
  person TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (event, person)
);
-- Which request became which case.
CREATE TABLE caseward_became (
  request TEXT NOT NULL PRIMARY KEY,
  "case" TEXT NOT NULL
);
CREATE INDEX caseward_became_by_case ON caseward_became ("case");
-- Every policy set that was in force, and from when. Its hash is that of who fits too; answers have that of what decides.
CREATE TABLE caseward_policies (
  from_at BIGINT NOT NULL,
  event BIGINT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (from_at, event)
);
CREATE TABLE caseward_policy_text (
  hash TEXT NOT NULL PRIMARY KEY,
  policy_hash TEXT NOT NULL,
  sources TEXT NOT NULL
);
-- What commands and imports say of roles; lines of the feed speak from when they begin.
CREATE TABLE caseward_role_mark (
  person TEXT NOT NULL,
  role TEXT NOT NULL,
  place TEXT NOT NULL,
  at BIGINT NOT NULL,
  held BIGINT NOT NULL,
  PRIMARY KEY (person, role, place, at)
);
-- The lines of feeds as they stand, by their key; a correction takes the place of what it corrects.
CREATE TABLE caseward_feed (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  subject TEXT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (kind, key)
);
CREATE INDEX caseward_feed_by_subject ON caseward_feed (subject, kind);
-- Every line that was ever taken, and when: fed again it changes nothing, also where it was corrected since. What is
-- content stands here by its SHA-256, so that it can be disposed of.
CREATE TABLE caseward_feed_taken (
  kind TEXT NOT NULL,
  line TEXT NOT NULL,
  key TEXT NOT NULL,
  subject TEXT NOT NULL,
  recorded BIGINT NOT NULL,
  event BIGINT NOT NULL,
  PRIMARY KEY (kind, line)
);
CREATE INDEX caseward_feed_taken_by_subject ON caseward_feed_taken (subject, kind);
CREATE INDEX caseward_feed_taken_by_recorded ON caseward_feed_taken (recorded);
-- What was so before the first line of a feed spoke of it.
CREATE TABLE caseward_feed_base (
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (subject, name)
);
-- When something of a subject begins or ends.
CREATE TABLE caseward_due (
  at BIGINT NOT NULL,
  subject TEXT NOT NULL,
  PRIMARY KEY (at, subject)
);
-- What a feed says of a subject that cannot all be so.
CREATE TABLE caseward_flag (
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  says TEXT NOT NULL,
  PRIMARY KEY (subject, name)
);
-- What was imported, by salted hashes of groups of facts; the salt goes with what is disposed of.
CREATE TABLE caseward_imported (
  name TEXT NOT NULL PRIMARY KEY,
  salt TEXT,
  hash TEXT NOT NULL
);
