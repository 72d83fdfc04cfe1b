//! Which transactions a moment of a database has.

use std::sync::Arc;

use caseward::sql::Dialect;

use crate::db::{Cell, Db, as_count, as_text, number, text};
use crate::error::Error;
use crate::log::as_i64;

/// The rows of SQLite's outbox are committed in the order of their numbers: the newest says it all.
const SQLITE: &str =
    "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'caseward_mirror_outbox'), 0)";
/// Those of PostgreSQL are not: it says itself which transactions a moment has. A standby's snapshot does not.
const POSTGRES: &str = "SELECT pg_current_snapshot()::text, pg_backend_pid(), pg_is_in_recovery()";

/// Which transactions a moment has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// As the database says it.
    text: Arc<str>,
    /// All before it are there.
    first: u64,
    /// None from it on is.
    end: u64,
    /// Those between that are not.
    running: Vec<u64>,
    /// The connection that says so.
    session: u64,
}

impl Head {
    /// The moment of the transaction that reads.
    pub(super) fn of(db: &mut dyn Db) -> Result<Self, Error> {
        let unread = || Error::Database("it does not say which transactions it has".to_owned());
        if db.dialect() == Dialect::Sqlite {
            let row = db.row(SQLITE, &[])?.ok_or_else(unread)?;
            let count = row.first().and_then(as_count).ok_or_else(unread)?;
            return Ok(Head {
                text: count.to_string().into(),
                first: count + 1,
                end: count + 1,
                running: Vec::new(),
                session: 0,
            });
        }
        let row = db.row(POSTGRES, &[])?.ok_or_else(unread)?;
        if !matches!(row.get(2), Some(Some(caseward::sql::Parameter::Boolean(false)))) {
            let why = "it is a standby, which does not say which transactions it has: mirror the primary";
            return Err(Error::Request(why.to_owned()));
        }
        let snapshot = row.first().and_then(as_text).ok_or_else(unread)?;
        let session = row.get(1).and_then(as_count).ok_or_else(unread)?;
        Self::read(&snapshot, session).ok_or_else(unread)
    }

    /// Reads PostgreSQL's `first:end:running,running`.
    fn read(snapshot: &Arc<str>, session: u64) -> Option<Self> {
        let mut parts = snapshot.split(':');
        let (first, end) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let running = parts.next()?.split(',').filter(|one| !one.is_empty());
        let running = running.map(|one| one.parse().ok()).collect::<Option<_>>()?;
        Some(Head { text: snapshot.clone(), first, end, running, session })
    }

    /// Whether a transaction was over: committed, so that it is seen, or taken back.
    pub(super) fn has(&self, position: u64) -> bool {
        position < self.first || (position < self.end && !self.running.contains(&position))
    }

    /// Whether it may be of another history than an earlier one: of another connection, or of a database that was put back.
    pub(super) fn is_other(&self, earlier: &Head) -> bool {
        self.session != earlier.session || self.end < earlier.end
    }

    /// Whether nothing can have been committed between two moments.
    pub(super) fn is_same(&self, earlier: &Head) -> bool {
        self.text == earlier.text
    }

    /// A condition on rows of the outbox, that this moment does not have them; its one parameter.
    pub(super) fn since(&self, dialect: Dialect) -> (&'static str, Cell) {
        match dialect {
            Dialect::Sqlite => ("position > ?1", number(as_i64(self.end.saturating_sub(1)))),
            _ => (
                "xid >= pg_snapshot_xmin(?1::text::pg_snapshot) \
                 AND NOT pg_visible_in_snapshot(xid, ?1::text::pg_snapshot)",
                text(self.text.clone()),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn a_snapshot_says_which_transactions_are_over() {
        let head = Head::read(&"10:15:10,12".into(), 1).unwrap();
        let over: Vec<u64> = (8..18).filter(|position| head.has(*position)).collect();
        assert_eq!(over, [8, 9, 11, 13, 14]);
        let none = Head::read(&"10:10:".into(), 1).unwrap();
        assert!(none.has(9) && !none.has(10));
        for text in ["", "1", "1:2", "1:x:", "1:2:3,x"] {
            assert!(Head::read(&text.into(), 1).is_none(), "{text}");
        }
    }

    #[test]
    fn another_connection_and_a_database_put_back_are_another_history() {
        let of = |text: &str, session| Head::read(&text.into(), session).unwrap();
        let earlier = of("10:15:10", 1);
        assert!(!of("15:15:", 1).is_other(&earlier));
        assert!(of("15:15:", 2).is_other(&earlier) && of("14:14:", 1).is_other(&earlier));
    }
}
