//! How often a key may ask: so many requests a second, and as many at once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tokens that come back with time.
pub(crate) struct Rate {
    a_second: f64,
    left: Mutex<(f64, Instant)>,
}

impl Rate {
    pub(crate) fn new(a_second: u32) -> Self {
        let a_second = f64::from(a_second);
        Rate { a_second, left: Mutex::new((a_second, Instant::now())) }
    }

    pub(crate) fn a_second(&self) -> f64 {
        self.a_second
    }

    /// Takes one, or says after which time there is one.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(left.1).as_secs_f64();
        left.0 = (left.0 + since * self.a_second).min(self.a_second);
        left.1 = now;
        if left.0 >= 1.0 {
            left.0 -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - left.0) / self.a_second))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Rate;

    #[test]
    fn as_many_a_second_and_no_more() {
        let start = Instant::now();
        let rate = Rate::new(2);
        let took = |after: u64| rate.take(start + Duration::from_millis(after)).is_ok();
        assert_eq!([took(0), took(0), took(0), took(100)], [true, true, false, false]);
        assert_eq!([took(600), took(600)], [true, false]);
        assert_eq!([took(60_000), took(60_000), took(60_000)], [true, true, false]);
    }
}
