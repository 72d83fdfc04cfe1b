//! From a world to bytes.

use std::io::{self, Write};

use super::wire::Output;
use super::{FORMAT, MAGIC, schema_hash};
use crate::model::TypeId;
use crate::world::ids::Names;
use crate::world::{Place, Row, Table, World};

/// Writes a snapshot. No batch comes in between; ids that get their number meanwhile are left out.
///
/// All of it is gone through twice: its length stands at the start.
pub(super) fn write(world: &World, output: impl Write) -> io::Result<()> {
    let _still = world.still();
    let ends = Ends::of(world);
    let mut counted = Output::counting();
    content(world, &ends, 0, &mut counted)?;
    let mut output = Output::new(output);
    content(world, &ends, counted.count_all()?, &mut output)?;
    output.finish()
}

/// How much there is of everything, looked at once: more may come meanwhile.
struct Ends {
    /// One more than the last row, by type.
    rows: Vec<u32>,
    strings: u32,
    sets: usize,
    places: usize,
    values: usize,
}

impl Ends {
    fn of(world: &World) -> Self {
        let data = &world.data;
        let rows = data.tables.iter().map(|table| table.names.end()).collect();
        let (sets, places, values) =
            (data.pools.sets.len(), data.pools.places.len(), data.pools.values.len());
        Ends { rows, strings: data.strings.end(), sets, places, values }
    }
}

/// Writes all but the checksum; `len` bytes, with it.
fn content(world: &World, ends: &Ends, len: u64, out: &mut Output<impl Write>) -> io::Result<()> {
    out.bytes(MAGIC)?;
    out.word(FORMAT)?;
    out.bytes(&schema_hash(&world.data.schema))?;
    out.long(len)?;
    out.long(world.epoch())?;
    out.long(world.version())?;
    for ((ty, table), &end) in (0u16..).map(TypeId).zip(&world.data.tables).zip(&ends.rows) {
        names(&table.names, end, out)?;
        (1..end).try_for_each(|row| words(world, table, (ty, Row(row)), out))?;
    }
    names(&world.data.strings, ends.strings, out)?;
    let pools = &world.data.pools;
    out.count(ends.sets)?;
    for set in pools.sets.iter().take(ends.sets) {
        out.count(set.len())?;
        set.iter().try_for_each(|&row| out.word(row))?;
    }
    out.count(ends.places)?;
    for set in pools.places.iter().take(ends.places) {
        out.count(set.len())?;
        for &(ty, Row(row)) in set {
            out.bytes(&ty.0.to_le_bytes())?;
            out.word(row)?;
        }
    }
    out.count(ends.values)?;
    pools.values.iter().take(ends.values).try_for_each(|value| out.value(value))
}

/// Writes the texts before the number `end`.
fn names(names: &Names, end: u32, out: &mut Output<impl Write>) -> io::Result<()> {
    out.count(end.saturating_sub(1) as usize)?;
    (1..end).try_for_each(|number| out.count(names.text(number).len()))?;
    (1..end).try_for_each(|number| out.bytes(names.text(number).as_bytes()))
}

/// Writes a row as it is seen.
fn words(world: &World, table: &Table, place: Place, out: &mut Output<impl Write>) -> io::Result<()> {
    if world.overlay.is_some() {
        return (0..table.layout.words()).try_for_each(|at| out.word(world.word(place, at)));
    }
    let words = table.rows.row(place.1.0);
    words.clone().try_for_each(|word| out.word(word))?;
    // An id that has just got its number has no words yet.
    (words.count()..table.layout.words()).try_for_each(|_| out.word(0))
}
