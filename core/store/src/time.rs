//! Instants as the store writes and reads them: milliseconds since 1970 within, RFC 3339 without, days in New Zealand.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::error::Error;

/// The zone in which days begin.
const ZONE: &str = "Pacific/Auckland";

/// An instant as text, in UTC.
pub(crate) fn rfc3339(ms: i64) -> String {
    // A `Timestamp` ends a day before the year 9999 does.
    let begin = date(1970, 1, 1).at(0, 0, 0, 0);
    match begin.checked_add(SignedDuration::from_millis(ms)) {
        Ok(instant) => format!("{instant:.3}Z"),
        Err(_) => format!("{ms} milliseconds since 1970"),
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

/// The day that begins at an instant, if one does.
pub(crate) fn day_from(ms: i64) -> Option<String> {
    let zone = TimeZone::get(ZONE).ok()?;
    let day = Timestamp::from_millisecond(ms).ok()?.to_zoned(zone).date();
    (begins(day) == Ok(ms)).then(|| day.to_string())
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

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn every_instant_that_is_read_is_written_as_one() {
        for text in ["1970-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"] {
            assert_eq!(rfc3339(caseward::instant(text).unwrap()), text);
        }
        assert_eq!(rfc3339(i64::MIN), format!("{} milliseconds since 1970", i64::MIN));
    }
}
