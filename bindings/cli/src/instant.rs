//! Instants: the clock, RFC 3339 and milliseconds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::failure::Failure;

/// Why two instants for one question are refused: the context may be written by whoever asks.
pub(crate) const TWICE: &str = "`now` is in the context, and given by --now: leave one of them out";

/// The `--now` of the verbs that ask.
#[derive(clap::Args)]
pub(crate) struct NowArgs {
    /// The instant that is asked of, such as 2026-05-11T09:00:00+12:00; the clock's by default. Where --now is given, a
    /// context has no `now` of its own.
    #[arg(long, value_name = "RFC3339", value_parser = parse, allow_hyphen_values = true)]
    now: Option<i64>,
}

impl NowArgs {
    /// Milliseconds since 1970-01-01T00:00:00Z. Call it once a run: the clock moves.
    pub(crate) fn ms(&self) -> i64 {
        self.now.unwrap_or_else(|| milliseconds(Timestamp::now()))
    }

    /// The instant, where one is given.
    #[cfg(feature = "store")]
    pub(crate) fn given(&self) -> Option<i64> {
        self.now
    }

    /// As [`NowArgs::ms`], for a question with this context, in which an instant that was given does not stand again.
    pub(crate) fn beside(&self, context: &str) -> Result<i64, Failure> {
        if self.now.is_some() && has_now(context) {
            return Err(Failure::other(TWICE));
        }
        Ok(self.ms())
    }

    /// Whether an instant is given that a request in JSON has in its context too.
    pub(crate) fn is_twice(&self, request: &str) -> bool {
        #[derive(Deserialize)]
        struct Line<'a> {
            #[serde(borrow)]
            context: Option<&'a serde_json::value::RawValue>,
        }
        self.now.is_some()
            && serde_json::from_str::<Line<'_>>(request)
                .is_ok_and(|line| line.context.is_some_and(|context| has_now(context.get())))
    }
}

/// Whether a context in JSON has a `now`; what is no context is for others to refuse.
pub(crate) fn has_now(context: &str) -> bool {
    let fields = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(context);
    fields.is_ok_and(|fields| fields.contains_key("now"))
}

pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let why =
        || "not an instant in RFC 3339, such as 2026-05-11T09:00:00+12:00; a date alone is none".to_owned();
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
