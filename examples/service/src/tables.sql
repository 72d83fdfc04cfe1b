-- What policies read has the names of the schema; `title`, `session` and `outbox` are this service's own.
CREATE TABLE IF NOT EXISTS team (id TEXT PRIMARY KEY NOT NULL);
CREATE TABLE IF NOT EXISTS user (
  id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL REFERENCES team (id), lead INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS ticket (
  id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL REFERENCES team (id), assignee TEXT REFERENCES user (id),
  open INTEGER NOT NULL, private INTEGER NOT NULL, title TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ticket_by_team ON ticket (team);
CREATE INDEX IF NOT EXISTS ticket_by_assignee ON ticket (assignee);
CREATE TABLE IF NOT EXISTS session (token TEXT PRIMARY KEY NOT NULL, user TEXT NOT NULL REFERENCES user (id));
CREATE TABLE IF NOT EXISTS outbox (
  number INTEGER PRIMARY KEY AUTOINCREMENT, ticket TEXT NOT NULL, what TEXT NOT NULL, by TEXT NOT NULL
);
