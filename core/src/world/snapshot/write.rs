//! From a world to bytes.

use std::io::{self, Write};

use super::wire::Output;
use super::{FORMAT, MAGIC, schema_hash};
use crate::model::TypeId;
use crate::world::ids::Names;
use crate::world::{Place, Row, Table, World};

/// Writes all but the checksum. No batch comes in between; ids that get their number meanwhile are left out.
pub(super) fn write(world: &World, out: &mut Output<impl Write>) -> io::Result<()> {
    let _still = world.still();
    out.bytes(MAGIC)?;
    out.word(FORMAT)?;
    out.bytes(&schema_hash(&world.data.schema))?;
    out.long(world.epoch())?;
    out.long(world.version())?;
    for (ty, table) in (0u16..).map(TypeId).zip(&world.data.tables) {
        let end = names(&table.names, out)?;
        (1..end).try_for_each(|row| words(world, table, (ty, Row(row)), out))?;
    }
    names(&world.data.strings, out)?;
    let pools = &world.data.pools;
    // Looked at once: others may come meanwhile.
    let len = pools.sets.len();
    out.count(len)?;
    for set in pools.sets.iter().take(len) {
        out.count(set.len())?;
        set.iter().try_for_each(|&row| out.word(row))?;
    }
    let len = pools.places.len();
    out.count(len)?;
    for set in pools.places.iter().take(len) {
        out.count(set.len())?;
        for &(ty, Row(row)) in set {
            out.bytes(&ty.0.to_le_bytes())?;
            out.word(row)?;
        }
    }
    let len = pools.values.len();
    out.count(len)?;
    pools.values.iter().take(len).try_for_each(|value| out.value(value))
}

/// Writes all texts; one more than the number of the last.
fn names(names: &Names, out: &mut Output<impl Write>) -> io::Result<u32> {
    let end = names.end();
    out.count(end.saturating_sub(1) as usize)?;
    (1..end).try_for_each(|number| out.count(names.text(number).len()))?;
    (1..end).try_for_each(|number| out.bytes(names.text(number).as_bytes()))?;
    Ok(end)
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
