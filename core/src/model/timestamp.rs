//! Instants as Cedar writes them.
//!
//! Cedar's `datetime` takes five forms: a date, or a date and a time to the second or the millisecond,
//! with `Z` or an offset such as `+1300`. Values are milliseconds since 1970-01-01T00:00:00Z.
//!
//! The calendar is jiff's. The forms are read here: jiff's own reader takes more of them than Cedar does, and four times
//! as long (410 ns against 140 ns), where a world has millions.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::DateTimePrinter;

pub(crate) const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const CEDARS: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// Reads Cedar's forms of a datetime; `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let two = |at| i8::try_from(number(bytes, at, 2)?).ok();
    let date = Date::new(number(bytes, 0, 4)?, two(5)?, two(8)?).ok()?;
    if byte(bytes, 4)? != b'-' || byte(bytes, 7)? != b'-' {
        return None;
    }
    if bytes.len() == 10 {
        return Some(since_epoch(date.to_datetime(Time::midnight())));
    }
    if byte(bytes, 10)? != b'T' || byte(bytes, 13)? != b':' || byte(bytes, 16)? != b':' {
        return None;
    }
    let (millis, zone) = match byte(bytes, 19)? {
        b'.' => (number(bytes, 20, 3)?, 23),
        _ => (0, 19),
    };
    let time = Time::new(two(11)?, two(14)?, two(17)?, i32::from(millis) * 1_000_000).ok()?;
    Some(since_epoch(date.to_datetime(time)) - offset_ms(bytes, zone)?)
}

/// Milliseconds from the epoch to a date and time of UTC.
pub(crate) fn since_epoch(at: DateTime) -> i64 {
    let since = at.duration_since(EPOCH);
    since.as_secs() * 1_000 + i64::from(since.subsec_millis())
}

/// Reads an instant of RFC 3339, such as `2026-05-11T09:00:00+12:00`, as milliseconds since 1970-01-01T00:00:00Z;
/// `None` for anything else. What is finer than a millisecond is left off.
///
/// It is the one reader of the instant of a question: of the command's `--now`, of `now` in contexts and requests, as text
/// or as `{"__extn": {"fn": "datetime", "arg": …}}`, of `now` in cases and in the matrix. The offset may come without its
/// colon, as Cedar has it. A date alone is no instant: it would be midnight in London and noon in Auckland. Attributes
/// of type datetime in data are read as Cedar reads them.
///
/// # Example
/// ```
/// use caseward::instant;
///
/// assert_eq!(instant("2026-02-28T00:00:00+13:00"), Some(1_772_190_000_000));
/// assert_eq!(instant("2026-02-28T00:00:00Z[Pacific/Auckland]"), None);
/// ```
pub fn instant(text: &str) -> Option<i64> {
    let (seconds, rest) = text.split_at_checked("2026-05-11T09:00:00".len())?;
    let digits = match rest.strip_prefix('.') {
        None => "",
        Some(fraction) => fraction.get(..fraction.find(|c: char| !c.is_ascii_digit())?)?,
    };
    if rest.starts_with('.') && !(1..=9).contains(&digits.len()) {
        return None;
    }
    let zone = rest.get(digits.len() + usize::from(rest.starts_with('.'))..)?;
    let zone = match zone.split_at_checked(3) {
        Some((hours, minutes)) if minutes.starts_with(':') => format!("{hours}{}", minutes.get(1..)?),
        _ => zone.to_owned(),
    };
    let millis = digits.get(..3).unwrap_or(digits);
    parse(&format!("{seconds}.{millis:0<3}{zone}"))
}

/// What is wrong with a text that [`instant`] does not read.
pub(crate) fn not_an_instant(text: &str) -> String {
    let why = match parse(text) {
        Some(_) => " (a date alone is none: when it begins depends on where)",
        None => "",
    };
    format!("`{text}` is not an instant in RFC 3339, such as 2026-05-11T09:00:00+12:00{why}")
}

/// Reads an instant, or a date, which is midnight of UTC as Cedar takes it.
pub(crate) fn parse_rfc3339(text: &str) -> Option<i64> {
    instant(text).or_else(|| parse(text))
}

/// Writes an instant in Cedar's longest form; `None` outside the years 0 to 9999, which have none.
pub(crate) fn format(ms: i64) -> Option<String> {
    let at = EPOCH.checked_add(SignedDuration::from_millis(ms)).ok().filter(|at| at.year() >= 0)?;
    Some(CEDARS.datetime_to_string(&at) + "Z")
}

fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// So many digits, of which there are four at most.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<i16> {
    bytes
        .get(at..at + len)?
        .iter()
        .try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i16::from(b - b'0')))
}

/// The zone from byte `at` to the end: `Z`, or a sign and four digits.
fn offset_ms(bytes: &[u8], at: usize) -> Option<i64> {
    let sign = match (byte(bytes, at)?, bytes.len() - at) {
        (b'Z', 1) => return Some(0),
        (b'+', 5) => 1,
        (b'-', 5) => -1,
        _ => return None,
    };
    let (hours, minutes) = (number(bytes, at + 1, 2)?, number(bytes, at + 3, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * i64::from(hours * 60 + minutes) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::{format, instant, parse};

    const MS_PER_DAY: i64 = 86_400_000;

    #[test]
    fn reads_every_form() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:01Z", 1_000),
            ("1970-01-01T00:00:00.007Z", 7),
            ("1970-01-02T13:00:00+1300", MS_PER_DAY),
            ("1969-12-31T23:30:00.500-0030", 500),
            ("2026-02-28T00:00:00+1300", 1_772_190_000_000),
            ("0000-01-01", -62_167_219_200_000),
            ("2024-02-29", 1_709_164_800_000),
        ] {
            assert_eq!(parse(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "1970",
            "1970-1-1",
            "1970-13-01",
            "1970-02-30",
            "1900-02-29",
            "1970-01-01T00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:60:00Z",
            "1970-01-01T00:00:60Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00.5Z",
            "1970-01-01T00:00:00+13:00",
            "1970-01-01T00:00:00+2400",
            "1970-01-01Z",
            "+970-01-01",
            "1970-01-01T00:00:00ZZ",
            "１970-01-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn instants_are_rfc_3339_and_nothing_more() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.0079Z", 7),
            ("1970-01-01T00:00:00.5-00:00", 500),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("2026-02-28T00:00:00.123456789+13:00", 1_772_190_000_123),
            ("2026-02-28T00:00:00+1300", 1_772_190_000_000),
        ] {
            assert_eq!(instant(text), Some(ms), "{text}");
        }
        for text in [
            "",
            "2026-05-11",
            "2026-05-11T09Z",
            "2026-05-11T09:00Z",
            "2026-05-11T09:00:00",
            "2026-05-11 09:00:00Z",
            "2026-05-11T09:00:60Z",
            "2026-05-11T24:00:00Z",
            "2026-05-11T09:00:00.Z",
            "2026-05-11T09:00:00.1234567890Z",
            "2026-05-11T09:00:00,5Z",
            "2026-05-11T09:00:00+25:59",
            "2026-05-11T09:00:00+12:60",
            "2026-05-11T09:00:00+12",
            "2026-05-11T09:00:00+1:200",
            "2026-05-11T09:00:00+12:00:00",
            "2026-05-11T09:00:00Z[Pacific/Auckland]",
            "2026-05-11T09:00:00+12:00[Pacific/Auckland]",
            "2026-W20-1T09:00:00Z",
            "+02026-05-11T09:00:00Z",
            "2026-05-11T09:00:00Z ",
            "２026-05-11T09:00:00Z",
            "2026-05-11T09:00:0é",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for ms in [0, -1, 1_772_190_000_123, -62_167_219_200_000, 253_402_300_799_999] {
            let text = format(ms).expect("a year of four digits");
            assert_eq!(parse(&text), Some(ms), "{text}");
        }
        assert_eq!(format(-62_167_219_200_001), None);
        assert_eq!(format(253_402_300_800_000), None);
        for ms in (-800_000..800_000).map(|d| d * MS_PER_DAY) {
            if let Some(text) = format(ms) {
                assert_eq!(parse(&text), Some(ms), "{text}");
            }
        }
    }
}
