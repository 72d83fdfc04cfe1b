//! Instants: the clock, RFC 3339 and milliseconds.

use jiff::Timestamp;

/// The `--now` of the verbs that ask.
#[derive(clap::Args)]
pub(crate) struct NowArgs {
    /// The instant that fills `now` where the context lacks it; the clock's by default.
    #[arg(long, value_name = "RFC3339", value_parser = parse, allow_hyphen_values = true)]
    now: Option<i64>,
}

impl NowArgs {
    /// Milliseconds since 1970-01-01T00:00:00Z. Call it once a run: the clock moves.
    pub(crate) fn ms(&self) -> i64 {
        self.now.unwrap_or_else(|| milliseconds(Timestamp::now()))
    }
}

fn parse(text: &str) -> Result<i64, String> {
    let why = || "not an instant in RFC 3339, such as 2026-05-11T09:00:00+12:00".to_owned();
    caseward::instant(text).ok_or_else(why)
}

/// The millisecond in which the instant lies.
fn milliseconds(instant: Timestamp) -> i64 {
    let whole = instant.as_nanosecond().div_euclid(1_000_000);
    i64::try_from(whole).unwrap_or(i64::MIN)
}

/// The instant as answers show it; `None` outside the years 0 to 9999.
pub(crate) fn show(ms: i64) -> Option<String> {
    let text = Timestamp::from_millisecond(ms).ok()?.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    (!text.starts_with('-')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{parse, show};

    #[test]
    fn reads_and_shows_milliseconds() {
        for (text, ms, shown) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"),
            ("2026-02-28T00:00:00+13:00", 1_772_190_000_000, "2026-02-27T11:00:00.000Z"),
            ("1970-01-01T00:00:00.0079Z", 7, "1970-01-01T00:00:00.007Z"),
            ("1969-12-31T23:59:59.9999Z", -1, "1969-12-31T23:59:59.999Z"),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(parse(text), Ok(ms), "{text}");
            assert_eq!(show(ms).as_deref(), Some(shown), "{text}");
        }
        assert_eq!(show(-62_167_219_200_001), None);
        assert_eq!(show(i64::MAX), None);
    }

    #[test]
    fn refuses_what_names_no_instant() {
        for text in [
            "",
            "now",
            "2026-05-11T09:00:00Z[Pacific/Auckland]",
            "2026-05-11T09Z",
            "2026-05-11T09:00:60Z",
            "2026-05-11",
            "2026-05-11T09:00:00",
            "2026-02-30T00:00:00Z",
            "1772190000000",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
