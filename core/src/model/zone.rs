//! Time zones, and the calendar's periods in them.

use std::fmt;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use crate::model::Error;
use crate::model::timestamp::{EPOCH, since_epoch};

/// A time zone by its rule: the offsets of winter and summer, and when the clocks change.
///
/// The rule is data that the caller gives, as POSIX writes it; no database of zones is asked. It is applied to all
/// years, past ones too.
///
/// # Example
/// ```
/// use caseward::Zone;
///
/// let wellington: Zone = "NZST-12NZDT,M9.5.0,M4.1.0/3".parse()?;
/// assert_ne!(wellington, Zone::utc());
/// assert!("Pacific/Auckland".parse::<Zone>().is_err());
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// Bytes of a zone's rule.
const LONGEST: usize = 100;

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Zone(TimeZone::UTC)
    }
}

impl std::str::FromStr for Zone {
    type Err = Error;

    /// Reads `UTC`, or a rule as in POSIX's `TZ`.
    ///
    /// # Errors
    /// [`Error::is_request`]
    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "UTC" {
            return Ok(Zone::utc());
        }
        let zone = (text.len() <= LONGEST).then(|| TimeZone::posix(text).ok()).flatten();
        zone.map(Zone).ok_or_else(|| {
            let shown: String = text.chars().take(LONGEST).collect();
            Error::request(format!(
                "`{shown}` is not a time zone's rule, such as `UTC` or `NZST-12NZDT,M9.5.0,M4.1.0/3`"
            ))
        })
    }
}

/// A length of the calendar's periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// From 1 January.
    Year,
    /// From the first of January, April, July and October.
    Quarter,
    /// From the first of the month.
    Month,
    /// From midnight.
    Day,
}

carried!(enum Unit { 0 = Year {}, 1 = Quarter {}, 2 = Month {}, 3 = Day {} });

impl Unit {
    /// Every unit with its name.
    pub(crate) const ALL: [(&str, Unit); 4] =
        [("year", Unit::Year), ("quarter", Unit::Quarter), ("month", Unit::Month), ("day", Unit::Day)];

    pub(crate) fn name(self) -> &'static str {
        Unit::ALL.iter().find(|(_, unit)| *unit == self).map_or("", |(name, _)| name)
    }
}

/// One period of the calendar: a year, a quarter, a month or a day, as in `2026`, `2026-Q2`, `2026-05` or
/// `2026-05-11`. Periods of one unit are in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    unit: Unit,
    first: Date,
}

/// Milliseconds from the epoch to the start of a day of UTC.
fn midnight(day: Date) -> i64 {
    since_epoch(day.to_datetime(Time::midnight()))
}

/// By the milliseconds at which it would begin in UTC.
#[cfg(feature = "carry")]
impl crate::model::carried::Wire for Period {
    const NAME: &'static str = "Period";

    fn write(&self, out: &mut Vec<u8>) {
        self.unit.write(out);
        midnight(self.first).write(out);
    }

    fn read(from: &mut crate::model::carried::Bytes<'_>) -> Option<Self> {
        let (unit, begins) = <(Unit, i64)>::read(from)?;
        let first = EPOCH.checked_add(SignedDuration::from_millis(begins)).ok()?.date();
        let period = Period::of_day(unit, first);
        (midnight(period.first) == begins).then_some(period)
    }
}

impl Period {
    /// The period in which a day lies.
    fn of_day(unit: Unit, day: Date) -> Self {
        let into_quarter = Span::new().months((day.month() - 1) % 3);
        let first = match unit {
            Unit::Year => day.first_of_year(),
            Unit::Quarter => day.first_of_month().saturating_sub(into_quarter),
            Unit::Month => day.first_of_month(),
            Unit::Day => day,
        };
        Period { unit, first }
    }

    /// The first day after it; `None` behind the last year that has a name.
    fn end(self) -> Option<Date> {
        let length = match self.unit {
            Unit::Year => Span::new().years(1),
            Unit::Quarter => Span::new().months(3),
            Unit::Month => Span::new().months(1),
            Unit::Day => Span::new().days(1),
        };
        self.first.checked_add(length).ok()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = (self.first.year(), self.first.month(), self.first.day());
        match self.unit {
            Unit::Year => write!(f, "{year:04}"),
            Unit::Quarter => write!(f, "{year:04}-Q{}", (month - 1) / 3 + 1),
            Unit::Month => write!(f, "{year:04}-{month:02}"),
            Unit::Day => write!(f, "{year:04}-{month:02}-{day:02}"),
        }
    }
}

/// Finds the periods of instants, and keeps the stretches of time that it came by: few, for many instants.
pub(crate) struct Calendar {
    zone: Zone,
    unit: Unit,
    /// Stretches in which the zone's offset and the period are one, in the order of time.
    stretches: Vec<Stretch>,
}

#[derive(Clone, Copy)]
struct Stretch {
    from: i64,
    /// The last instant in it.
    last: i64,
    period: Period,
}

impl Calendar {
    pub(crate) fn new(zone: &Zone, unit: Unit) -> Self {
        Calendar { zone: zone.clone(), unit, stretches: Vec::new() }
    }

    /// The period of an instant in milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn period(&mut self, ms: i64) -> Period {
        let at = self.stretches.partition_point(|stretch| stretch.from <= ms);
        if let Some(stretch) = at.checked_sub(1).and_then(|at| self.stretches.get(at))
            && ms <= stretch.last
        {
            return stretch.period;
        }
        let stretch = self.stretch(ms);
        self.stretches.insert(at, stretch);
        stretch.period
    }

    fn stretch(&self, ms: i64) -> Stretch {
        let TimeZoneAt { offset, first, last } = self.zone.at(ms);
        let local = EPOCH.saturating_add(SignedDuration::from_millis(ms.saturating_add(offset)));
        let period = Period::of_day(self.unit, local.date());
        // What lies before the first year that has a name, or behind the last, is counted with it.
        let from = if period.first == Date::MIN { i64::MIN } else { midnight(period.first) - offset };
        let end = period.end().map_or(i64::MAX, |end| midnight(end) - offset - 1);
        Stretch { from: from.max(first), last: end.min(last), period }
    }
}

/// A zone's offset at an instant, and the first and the last instant at which it holds; all in milliseconds.
struct TimeZoneAt {
    offset: i64,
    first: i64,
    last: i64,
}

impl Zone {
    fn at(&self, ms: i64) -> TimeZoneAt {
        // Beyond the years that have a name the offset is that of the last of them.
        let (min, max) = (Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
        let instant = |ms: i64| Timestamp::from_millisecond(ms.clamp(min, max)).unwrap_or_default();
        let before = self.0.preceding(instant(ms.saturating_add(1))).next();
        let after = self.0.following(instant(ms)).next();
        TimeZoneAt {
            offset: i64::from(self.0.to_offset(instant(ms)).seconds()) * 1_000,
            first: before.map_or(i64::MIN, |change| change.timestamp().as_millisecond()),
            last: after.map_or(i64::MAX, |change| change.timestamp().as_millisecond() - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Calendar, Unit, Zone};
    use crate::model::timestamp::parse;

    const WELLINGTON: &str = "NZST-12NZDT,M9.5.0,M4.1.0/3";

    #[track_caller]
    fn check(zone: &str, instant: &str, expected: [&str; 4]) {
        let zone: Zone = zone.parse().expect("a zone");
        let ms = parse(instant).expect("an instant");
        for ((_, unit), expected) in Unit::ALL.into_iter().zip(expected) {
            assert_eq!(Calendar::new(&zone, unit).period(ms).to_string(), expected, "{instant}");
        }
    }

    #[test]
    fn days_are_the_zones_own() {
        check("UTC", "2026-05-11T12:00:00Z", ["2026", "2026-Q2", "2026-05", "2026-05-11"]);
        // Twelve hours ahead in winter, thirteen in summer.
        check(WELLINGTON, "2026-05-31T11:59:59.999Z", ["2026", "2026-Q2", "2026-05", "2026-05-31"]);
        check(WELLINGTON, "2026-05-31T12:00:00Z", ["2026", "2026-Q2", "2026-06", "2026-06-01"]);
        check(WELLINGTON, "2025-12-31T10:59:59.999Z", ["2025", "2025-Q4", "2025-12", "2025-12-31"]);
        check(WELLINGTON, "2025-12-31T11:00:00Z", ["2026", "2026-Q1", "2026-01", "2026-01-01"]);
        // On 5 April 2026, at three in the morning, it is two again.
        check(WELLINGTON, "2026-04-04T10:59:59.999Z", ["2026", "2026-Q2", "2026-04", "2026-04-04"]);
        check(WELLINGTON, "2026-04-04T11:00:00Z", ["2026", "2026-Q2", "2026-04", "2026-04-05"]);
        check(WELLINGTON, "2026-04-05T11:59:59.999Z", ["2026", "2026-Q2", "2026-04", "2026-04-05"]);
        check(WELLINGTON, "2026-04-05T12:00:00Z", ["2026", "2026-Q2", "2026-04", "2026-04-06"]);
        // On 27 September 2026, at two, it is three.
        check(WELLINGTON, "2026-09-26T12:00:00Z", ["2026", "2026-Q3", "2026-09", "2026-09-27"]);
        check(WELLINGTON, "2026-09-27T11:00:00Z", ["2026", "2026-Q3", "2026-09", "2026-09-28"]);
    }

    #[test]
    fn a_calendar_that_was_used_answers_as_a_new_one() {
        // One zone changes its clocks at midnight of a month's first day, so that a month ends twice.
        for zone in
            ["UTC", WELLINGTON, "AAA0BBB,M4.1.0/0,M11.1.0/0", "AAA3:30", "LHST-10:30LHDT-11,M10.1.0,M4.1.0"]
        {
            let zone: Zone = zone.parse().expect("a zone");
            for (_, unit) in Unit::ALL {
                let mut used = Calendar::new(&zone, unit);
                let mut state = 7_u64;
                for n in 0..3_000 {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let near = (state >> 33) as i64 % 40_000_000_000 * 60 - 600_000_000_000;
                    let ms = if n % 50 == 0 { state as i64 } else { near };
                    assert_eq!(used.period(ms), Calendar::new(&zone, unit).period(ms), "{ms}");
                }
                for ms in [i64::MIN, i64::MAX, i64::MAX - 1, 0, -1] {
                    assert_eq!(used.period(ms), Calendar::new(&zone, unit).period(ms), "{ms}");
                }
            }
        }
    }

    #[test]
    fn rules_that_make_no_sense_are_refused() {
        for text in
            ["", "utc", "Pacific/Auckland", "NZST", "NZST-12NZDT,M13.5.0,M4.1.0/3", &"A".repeat(1_000)]
        {
            let error = text.parse::<Zone>().expect_err(text);
            assert!(error.is_request() && error.to_string().len() < 300, "{error}");
        }
    }
}
