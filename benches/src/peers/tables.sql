-- Dense numbers for ids, as the floor has them; an index for every way into the data that a list takes.
CREATE TABLE school (id INTEGER PRIMARY KEY, catchment INTEGER);
CREATE TABLE provider (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, school INTEGER);
CREATE TABLE person (id INTEGER PRIMARY KEY, active INTEGER NOT NULL, access_from INTEGER);
CREATE TABLE role (
  person INTEGER NOT NULL, kind TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (person, kind, place)
) WITHOUT ROWID;
CREATE TABLE team (person INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (person, name)) WITHOUT ROWID;
CREATE TABLE student (
  id INTEGER PRIMARY KEY, enrolled INTEGER, provider INTEGER, manager INTEGER
);
CREATE TABLE record (
  id INTEGER PRIMARY KEY, student INTEGER NOT NULL, status TEXT NOT NULL, provider INTEGER,
  manager INTEGER, contact INTEGER, notified INTEGER NOT NULL
);
CREATE TABLE helper (
  person INTEGER NOT NULL, record INTEGER NOT NULL, PRIMARY KEY (person, record)
) WITHOUT ROWID;
