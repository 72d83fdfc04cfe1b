-- Which versions of these tables there were, since when, and which caseward made them.
CREATE TABLE caseward_migration (
  format BIGINT NOT NULL PRIMARY KEY,
  recorded BIGINT NOT NULL,
  caseward TEXT NOT NULL
);
