//! What was measured.

use std::fmt;
use std::time::Instant;

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

    /// How many times more `this` takes than `that`, by median.
    pub fn ratio(&self, name: &str, this: &str, that: &str) -> Option<f64> {
        let of =
            |who: &str| self.rows.iter().find(|r| r.name == name && r.implementation == who).map(|r| r.value);
        Some(of(this)? / of(that)?)
    }

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

/// Runs `work` and says how many nanoseconds it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_nanos() as f64)
}
