//! What a world takes, with the indices that lists of every action use: `memory…/<cases>`.

use crate::floor::{Floor, Lists};
use crate::report::Report;
use crate::world::Data;

/// Bytes of all, of a case with its share of students, of an item, and of ids and strings, which are apart.
pub fn rows(data: &Data, floor: &Floor<'_>, report: &mut Report) {
    let (cases, world) = (data.cases, &data.world);
    let mut record = |what: &str, who, bytes: f64, answer: String| {
        report.record(format!("{what}/{cases}"), who, "bytes", bytes, answer);
    };
    let sizes = data.ward.index_sizes(world);
    let of = |types: &[&str]| {
        let rows: usize = types.iter().map(|ty| world.row_bytes(ty).unwrap_or(0)).sum();
        let indices = sizes.iter().filter(|(ty, ..)| types.contains(&ty.as_str()));
        (rows, indices.map(|(_, _, bytes)| bytes).sum::<usize>())
    };
    let indices: usize = sizes.iter().map(|(_, _, bytes)| bytes).sum();
    record("memory", "caseward", world.bytes() as f64, format!("{indices} of it indices"));
    let lists = Lists::new(floor).bytes();
    let answer = format!("{lists} of it indices, without id text");
    record("memory", "floor", (floor.bytes() + lists) as f64, answer);
    for (name, count, types) in [
        ("memory_case", floor.cases.len(), &["Case", "Student"][..]),
        ("memory_item", floor.items.len(), &["Item"]),
    ] {
        let (rows, indices) = of(types);
        let answer = format!("rows {:.1}, indices {:.1}", per(rows, count), per(indices, count));
        record(name, "caseward", per(rows + indices, count), answer);
    }
    let answer = format!("text {}, {} entities", world.text_bytes(), world.len());
    record("memory_ids", "caseward", world.id_bytes() as f64, answer);
    let mut largest: Vec<_> = sizes.iter().collect();
    largest.sort_by_key(|(_, _, bytes)| std::cmp::Reverse(*bytes));
    for (ty, path, bytes) in largest.iter().take(12) {
        println!("index of {ty}.{path}: {bytes} bytes");
    }
}

fn per(bytes: usize, count: usize) -> f64 {
    bytes as f64 / count.max(1) as f64
}
