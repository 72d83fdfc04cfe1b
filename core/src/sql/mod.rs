//! A predicate for the user's own SQL: which rows of their tables may this person do this to?
//!
//! [`Ward::filter`](crate::Ward::filter) gives a condition for the `WHERE` of a query that somebody else writes, with
//! bound parameters. What the principal has and what the context says is looked at when it is made; every other fact
//! is read from the tables when it runs: it stays right while cases are opened and closed, and until the person's own
//! roles change or [`Filter::valid_until`] has passed. Only what concerns the person is in it.
//!
//! ```
//! use caseward::sql::{Database, Dialect, Mapping};
//! use caseward::{ActionName, EntityUid, Query, TypeName, Ward};
//!
//! let ward = Ward::attendance()?;
//! let world = ward.read_world(
//!     r#"[{"uid": {"type": "User", "id": "tui"}, "parents": [],
//!          "attrs": {"loginActive": true, "attendanceLeadAt": [], "primaryContactAt": [],
//!                    "officeSupportAt": [], "workflowLeadAt": [], "caseManagerAt": [],
//!                    "attendanceOfficerAt": [], "delegatedAuthoriserAt": [],
//!                    "delegatedAuthoriserFor": [], "monitors": [],
//!                    "ministryTeams": [{"type": "MinistryTeam", "id": "prosecutions"}]}}]"#
//!         .as_bytes(),
//! )?;
//! let database = Database::new(ward.schema(), &Mapping::default(), Dialect::Sqlite)?;
//! let tui = EntityUid::new("User", "tui");
//! let cases = Query::new(tui, ActionName::new("viewSummary"), TypeName::new("Case")).at(1_778_446_800_000);
//!
//! let filter = ward.filter(&world, &cases, &database)?;
//! let query = format!("{} WHERE {}", database.select("Case")?, filter.sql);
//! assert_eq!(
//!     query,
//!     "SELECT \"case\".\"id\" FROM \"case\" WHERE \"case\".\"prosecution_notified\" \
//!      AND \"case\".\"status\" = ?1"
//! );
//! assert_eq!(serde_json::to_string(&filter.params).unwrap(), r#"[{"type":"text","value":"open"}]"#);
//! # Ok::<(), caseward::Error>(())
//! ```
//!
//! # What it promises
//! - A row is let through exactly where [`Ward::check`](crate::Ward::check) allows the entity in it, for tables that hold
//!   what a world could hold. A row on which a policy that applies cannot be evaluated is not let through: numbers that
//!   overflow neither end the query, nor wrap, nor turn into approximate ones.
//! - NULL is an absent attribute. Texts and ids are compared by their bytes, as databases do unless a column is declared
//!   otherwise: `NOCASE`, a collation that is not deterministic. Where some may be, `collations = true` says so.
//!   A column of `citext` must not be.
//! - A reference may lead nowhere in a database, as it cannot in a world: a row from which the filter reads through one
//!   that does is not let through. With `foreign_keys = true` filters need not look.
//! - What is declared required must not be NULL. Where it is, it may be anything: neither a condition that reads it is
//!   true nor its negation, behind a reference, as an element of a set or as the name of a tag that is looked for too. A
//!   row is let through only where [`Ward::check`](crate::Ward::check) would allow it whatever stood there; no `forbid`
//!   that might hold lets it pass. A row of a set, of tags or of ancestors that does not say whose it is, or which tag, is
//!   nobody's.
//! - A NUL ends no text. PostgreSQL has no text with one: nothing in its tables is equal to it, and no parameter holds
//!   one. What the world knows may; a policy that compares with that is refused there. SQLite's tables are in UTF-8, as
//!   they are unless told otherwise.
//! - Values are bound, lists of any length as one parameter; names from the mapping are quoted.
//! - What has no exact translation is refused, with the policy and the place in its text: tests of addresses
//!   (`isInRange` …) everywhere but on PostgreSQL, whatever asks for a set of sets, an `if` that leads to more than 64
//!   values, what the mapping has no place for.
//!
//! What is asked of a row is what the person's ways to it ask, each of which an index serves: by a column that refers to
//! the person or to where they have a role, or by a look-up in another table. Where PostgreSQL cannot use indices for
//! such ways at once, each is a query of the table's ids, joined by `UNION ALL`.
//!
//! The condition is true for the rows that are let through; for others it is false or NULL. It refers to the row by
//! the table's name, or by the `alias` of the mapping, and takes no other name of the query.
//!
//! | dialect | parameters | lists |
//! |---|---|---|
//! | [`Postgres`](Dialect::Postgres) | `$1` | `= ANY ($1::text[])` |
//! | [`Sqlite`](Dialect::Sqlite) | `?1` | `IN (SELECT value FROM json_each(?1))` |
//! | [`DuckDb`](Dialect::DuckDb) | `$1` | `IN (SELECT unnest($1::VARCHAR[]))` |
//! | [`MariaDb`](Dialect::MariaDb) | `?` | `IN (SELECT value FROM JSON_TABLE(?, …))` |
//! | [`Spark`](Dialect::Spark) | `:p1` | `IN (SELECT value FROM caseward_…)`, a view that [`Filter::setup`] tells how to make |
//!
//! [`FilterOptions`] say otherwise where the query has parameters of its own, a driver writes them in another way, or
//! the query calls the row by another name.
//!
//! # Where things are
//! By default every entity type has a table. Names are those of the schema in snake_case, with a number where two would
//! be the same; [`Database::create`] writes it all out, and [`Database::rows`] fills it from a world.
//!
//! | of the schema | in the database |
//! |---|---|
//! | entity type `Clinic::Staff` | table `clinic_staff`, primary key `id`, a text |
//! | `since: datetime`, `shift: duration` | column `since`: milliseconds, since 1970 for a datetime; 64 bits |
//! | `rate: decimal` | column `rate`: ten-thousandths, 64 bits |
//! | `level: Long`, `name: String`, `active: Bool` | a column of 64 bits, a text, a Boolean (0 or 1 in SQLite) |
//! | `desk: ipaddr` | `inet` in PostgreSQL, else a text with its prefix, `10.0.0.1/32` |
//! | `boss?: Staff` | column `boss`: the other's id, NULL where absent |
//! | `address: { street: String }` | column `address_street` |
//! | `badges: Set<String>` | table `clinic_staff_badges (clinic_staff_id, value)`; a record's fields as `value_field` |
//! | an optional record or set `x` | a Boolean `has_x` beside |
//! | `tags Long` | table `clinic_staff_tags (clinic_staff_id, tag, value)` |
//! | `tags Set<String>` | `clinic_ward_tags (clinic_ward_id, tag)` and `clinic_ward_tags_values (clinic_ward_id, tag, value)` |
//! | `in [Team]` | table `clinic_staff_in_clinic_team (clinic_staff_id, ancestor_id)`: at any distance, not parents alone |
//!
//! A [`Mapping`] says what is elsewhere:
//!
//! ```toml
//! foreign_keys = true            # the database enforces every reference
//! collations = false             # columns may compare otherwise than by bytes: filters say how
//! defaults = true                # what is not named here has its default place; false: it has none
//!
//! [types.Case]
//! table = "app.cases"
//! id = "case_no"
//! alias = "c"                    # what the query calls the row
//!
//! [types.Case.attributes]
//! student = "student_id"
//! openedAt = { column = "opened", as = "timestamp" }
//! team = { table = "app.case_team", id = "case_no", value = "user_name" }
//! "limits.low" = "low"           # a field of a record
//!
//! [types.Ward.tags]
//! table = "labels"
//! id = "ward"
//! tag = "label"
//! value = "text"
//!
//! [types.Staff.ancestors.Team]
//! table = "team_closure"
//! id = "staff"
//! ancestor = "team"
//!
//! [types.Provider]
//! from = "world"                 # the world knows these: what they have is put in when the filter is made
//! ```
//!
//! An unknown type, attribute or field, a set in a column, a number as a timestamp or an empty name is refused with its
//! name.

mod create;
mod dialect;
mod filter;
mod implied;
mod joined;
mod keep;
mod like;
mod lists;
mod lookups;
mod mapping;
mod names;
mod normal;
mod options;
mod outbox;
mod print;
mod rows;
mod simplify;
mod tables;
mod translate;
mod tree;
mod ways;

pub use create::{Database, TableRows};
pub use dialect::Dialect;
pub use filter::{Filter, Parameter, Setup, SetupColumn};
pub use keep::Statement;
pub use mapping::{AncestorPlace, Facts, Form, Mapping, Place, SetPlace, TagPlace, TypeMapping, TypedPlace};
pub use options::{FilterOptions, ParameterStyle};
pub use outbox::Outbox;
