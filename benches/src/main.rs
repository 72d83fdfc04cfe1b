//! Measures everything for each number of cases that the arguments name; prints a table and writes
//! `report.json`: a list of `{"name", "implementation", "unit", "value", "p99", "samples", "answer"}`,
//! `value` the median.

use caseward_benches::floor::Floor;
use caseward_benches::report::Report;
use caseward_benches::world::Data;
use caseward_benches::{
    Failure, batch, change, check, count, entities, filter, list, memory, reload, store, who,
};

fn main() -> Result<(), Failure> {
    // `report store 100000` measures the store alone.
    let is_store_alone = std::env::args().nth(1).is_some_and(|first| first == "store");
    let sizes: Vec<usize> = std::env::args()
        .skip(1 + usize::from(is_store_alone))
        .map(|n| n.parse())
        .collect::<Result<_, _>>()?;
    let sizes = if sizes.is_empty() { vec![10_000, 100_000] } else { sizes };
    let mut report = Report::default();
    for cases in sizes {
        let data = Data::new(cases, &mut report)?;
        store::rows(&data, &mut report)?;
        if is_store_alone {
            continue;
        }
        let floor = Floor::new(&data.world)?;
        check::rows(&data, &floor, &mut report)?;
        list::rows(&data, &floor, &mut report)?;
        filter::rows(&data, &floor, &mut report)?;
        who::rows(&data, &floor, &mut report)?;
        count::rows(&data, &floor, &mut report)?;
        batch::rows(&data, &mut report)?;
        memory::rows(&data, &floor, &mut report);
        reload::rows(&data, &floor, &mut report)?;
        entities::rows(&data, &floor, &mut report)?;
        // Last: the data is not what the floor has, from here on.
        change::rows(&data, &floor, &mut report)?;
    }
    report.write("report.json")?;
    println!("{report}");
    Ok(())
}
