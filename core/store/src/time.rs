//! Instants as the store writes and reads them: milliseconds since 1970 within, RFC 3339 without, days in New Zealand.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::error::Error;

/// The zone in which days begin.
const ZONE: &str = "Pacific/Auckland";

/// An instant as text, in UTC.
pub(crate) fn rfc3339(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(instant) => format!("{instant:.3}"),
        Err(_) => ms.to_string(),
    }
}

/// The midnight at which a day begins, from `2026-05-11`.
pub(crate) fn midnight(text: &str) -> Result<i64, String> {
    begins(day(text)?)
}

/// The midnight at which a day ends.
pub(crate) fn day_after(text: &str) -> Result<i64, String> {
    begins(day(text)?.tomorrow().map_err(|error| error.to_string())?)
}

fn day(text: &str) -> Result<Date, String> {
    let day: Option<Date> = text.parse().ok();
    day.filter(|day| day.to_string() == text).ok_or_else(|| format!("`{text}` is no day such as 2026-05-11"))
}

fn begins(day: Date) -> Result<i64, String> {
    let zone = TimeZone::get(ZONE).map_err(|error| error.to_string())?;
    let start = day.to_zoned(zone).map_err(|error| error.to_string())?;
    Ok(start.timestamp().as_millisecond())
}

/// The machine's clock.
pub(crate) fn machine() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Reads an instant of RFC 3339.
pub(crate) fn read(text: &str) -> Result<i64, Error> {
    caseward::instant(text)
        .ok_or_else(|| Error::request(format!("`{text}` is no instant such as 2026-05-11T09:00:00+12:00")))
}
