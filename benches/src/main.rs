//! Measures everything for each number of cases that the arguments name; prints a table and writes
//! `report.json`: a list of `{"name", "implementation", "unit", "value", "p99", "samples", "answer"}`,
//! `value` the median.

use caseward_benches::floor::Floor;
use caseward_benches::report::Report;
use caseward_benches::world::Data;
use caseward_benches::{Failure, batch, check, list};

fn main() -> Result<(), Failure> {
    let sizes: Vec<usize> = std::env::args().skip(1).map(|n| n.parse()).collect::<Result<_, _>>()?;
    let sizes = if sizes.is_empty() { vec![10_000, 100_000] } else { sizes };
    let mut report = Report::default();
    for cases in sizes {
        let data = Data::new(cases, &mut report)?;
        let floor = Floor::new(&data.world)?;
        let bytes = floor.bytes() as f64;
        report.record(format!("memory/{cases}"), "floor", "bytes", bytes, "without id text".to_owned());
        check::rows(&data, &floor, &mut report)?;
        list::rows(&data, &floor, &mut report)?;
        batch::rows(&data, &mut report)?;
    }
    report.write("report.json")?;
    println!("{report}");
    Ok(())
}
