//! Instants in milliseconds since 1970, and days of New Zealand.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

fn zone() -> TimeZone {
    TimeZone::get("Pacific/Auckland").unwrap()
}

pub(crate) fn instant(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

pub(crate) fn written(at: i64) -> String {
    format!("{:.3}", Timestamp::from_millisecond(at).unwrap())
}

/// The day that holds an instant.
pub(crate) fn day_of(at: i64) -> Date {
    Timestamp::from_millisecond(at).unwrap().to_zoned(zone()).date()
}

/// The midnight at which a day begins.
pub(crate) fn midnight(day: Date) -> i64 {
    day.to_zoned(zone()).unwrap().timestamp().as_millisecond()
}

pub(crate) fn later(day: Date, days: i64) -> Date {
    day.checked_add(days.days()).unwrap()
}

pub(crate) fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}
