//! What was measured, as a table and as JSON.

use std::fmt;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// One measurement.
#[derive(serde::Serialize)]
pub struct Row {
    pub name: String,
    pub implementation: &'static str,
    pub unit: &'static str,
    pub value: f64,
    pub p99: f64,
    pub samples: usize,
    pub answer: String,
}

/// All measurements of a run.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Records one value.
    pub fn record(
        &mut self,
        name: String,
        implementation: &'static str,
        unit: &'static str,
        value: f64,
        answer: String,
    ) {
        self.rows.push(Row { name, implementation, unit, value, p99: value, samples: 1, answer });
    }

    /// Records the median and 99th percentile of `samples`.
    pub fn record_all(
        &mut self,
        name: String,
        implementation: &'static str,
        unit: &'static str,
        mut samples: Vec<f64>,
        answer: String,
    ) {
        samples.sort_by(f64::total_cmp);
        let at = |part: usize| samples[(samples.len() - 1) * part / 100];
        let (value, p99) = (at(50), at(99));
        self.rows.push(Row { name, implementation, unit, value, p99, samples: samples.len(), answer });
    }

    /// Prints what every implementation of a row takes, as a multiple of caseward's median.
    pub fn print_ratios(&self, name: &str) {
        let rows = || self.rows.iter().filter(|row| row.name == name);
        let Some(ours) = rows().find(|row| row.implementation == "caseward") else { return };
        println!("{name}");
        for row in rows() {
            let Row { implementation, value, p99, unit, .. } = row;
            let ratio = value / ours.value;
            println!("  {implementation:36} {value:>14.1} {unit}  p99 {p99:>14.1}  {ratio:>10.3} x caseward");
        }
    }

    /// Writes all rows as JSON.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &str) -> std::io::Result<()> {
        std::fs::write(path, serde_json::to_string_pretty(&self.rows)? + "\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | who | median | p99 | unit | answer |\n|---|---|---:|---:|---|---|")?;
        for row in &self.rows {
            let Row { name, implementation, unit, value, p99, answer, .. } = row;
            writeln!(f, "| {name} | {implementation} | {value:.1} | {p99:.1} | {unit} | {answer} |")?;
        }
        Ok(())
    }
}

/// Runs `work` and says how many nanoseconds passed.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_nanos() as f64)
}

/// Runs `work` and says how many nanoseconds this thread was at work: on a machine with other work to do, the
/// clock would count that in, and more often for what takes long.
pub fn timed_at_work<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let start = now();
    let result = work();
    (result, now() - start)
}
