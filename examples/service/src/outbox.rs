//! What is told to others: it is written by the transaction that did it, and goes once it was taken.

use rusqlite::{Transaction, params};
use serde_json::{Value as Body, json};

use crate::app::{App, Failure};

/// Writes that something was done to a ticket.
pub(crate) fn put(db: &Transaction<'_>, ticket: &str, what: &str, by: &str) -> Result<(), Failure> {
    db.execute("INSERT INTO outbox (ticket, what, by) VALUES (?1, ?2, ?3)", params![ticket, what, by])?;
    Ok(())
}

/// Sends what waits, in order, until `send` does not take one; that one and those behind it are sent again the next time. So
/// each is taken at least once, also where this process ends between the sending and the note of it. Gives how many were taken.
///
/// # Errors
/// What the database reports.
pub async fn deliver(app: &App, mut send: impl FnMut(&Body) -> bool) -> Result<usize, Failure> {
    let waiting = app.reading(|db| {
        let mut statement =
            db.prepare("SELECT number, ticket, what, by FROM outbox ORDER BY number LIMIT 100")?;
        let rows = statement.query_map([], |row| {
            let text = |at: usize| row.get::<_, String>(at);
            let number: i64 = row.get(0)?;
            Ok((number, json!({"number": number, "ticket": text(1)?, "what": text(2)?, "by": text(3)?})))
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    });
    let taken: Vec<i64> =
        waiting.await?.into_iter().take_while(|(_, told)| send(told)).map(|(number, _)| number).collect();
    let Some(last) = taken.last().copied() else { return Ok(0) };
    app.change(move |db| {
        db.execute("DELETE FROM outbox WHERE number <= ?1", [last])?;
        Ok(((), caseward::Changes::new()))
    })
    .await?;
    Ok(taken.len())
}
