//! Same-run comparisons: caseward beside what else answers the same question, with the answers asserted.
//!
//! Prints a table and writes `report.json`: a list of `{"name", "implementation", "unit", "value", "p99",
//! "samples", "answer"}`, `value` the median.

mod check;
mod list;
mod report;
mod world;

use report::Report;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sizes: Vec<usize> = std::env::args().skip(1).map(|n| n.parse()).collect::<Result<_, _>>()?;
    let sizes = if sizes.is_empty() { vec![100_000] } else { sizes };
    let mut report = Report::default();
    for cases in sizes {
        let data = world::Data::new(cases, &mut report)?;
        check::batch(&data, &mut report)?;
        list::lists(&data, &mut report)?;
    }
    report.write("report.json")?;
    println!("{report}");
    Ok(())
}
