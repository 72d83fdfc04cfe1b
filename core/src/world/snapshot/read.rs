//! From bytes to a world.

use std::sync::Arc;

use super::check::{Part, check};
use super::wire::{Input, cut_off, text};
use crate::model::interrupt::Pulse;
use crate::model::{Error, Schema, Type, TypeId};
use crate::world::encode::Pools;
use crate::world::finish::Origin;
use crate::world::ids::Names;
use crate::world::layout::Layout;
use crate::world::rows::Rows;
use crate::world::{Place, Row, Table, World};

/// More batches than any world has had; what is kept by version has room for them.
const MAX_VERSION: u64 = 1 << 47;

/// Reads what follows the schema's hash.
pub(super) fn read(schema: &Arc<Schema>, mut input: Input<'_>) -> Result<World, Error> {
    let (epoch, version) = (input.long()?, input.long()?);
    if version > MAX_VERSION {
        return Err(Error::snapshot(format!("it cannot be of version {version}")));
    }
    let mut parts = Vec::with_capacity(schema.entity_types().len());
    for ty in schema.entity_types() {
        let layout = Layout::new(ty);
        let names = names(&mut input)?;
        let rows = names.end() as usize;
        let len = (rows - 1).checked_mul(layout.words()).ok_or_else(cut_off)?;
        // Row 0 stays all zeros.
        let words = input.words(layout.words(), len)?;
        parts.push(Part { names, layout, words });
    }
    let strings = names(&mut input)?;
    let pools = pools(schema, &mut input)?;
    input.finish()?;
    check(schema, &parts, strings.end(), &pools)?;
    let tables = parts.into_iter().map(|Part { names, layout, words }| Table {
        names,
        rows: Rows::new(layout.words(), words),
        layout,
    });
    let origin = Origin { epoch, version };
    Ok(World::of_parts(schema.clone(), tables.collect(), strings, pools, origin))
}

/// Texts and what finds them.
fn names(input: &mut Input<'_>) -> Result<Names, Error> {
    let count = input.count()?;
    if count >= u32::MAX as usize - 1 {
        return Err(Error::snapshot("it has more ids than there are numbers"));
    }
    // Texts that end within 4 GiB lie in one buffer, and others behind them.
    let (mut ends, mut late, mut total) = (Vec::with_capacity(count + 1), Vec::new(), 0_usize);
    ends.push(0);
    let pulse = Pulse::default();
    for _ in 0..count {
        pulse.step()?;
        let len = input.count()?;
        total = total.checked_add(len).ok_or_else(cut_off)?;
        match u32::try_from(total) {
            Ok(end) => ends.push(end),
            Err(_) => late.push(len),
        }
    }
    let all = text(input.take(total)?)?;
    let split = all.split_at_checked(ends.last().map_or(0, |&end| end as usize));
    let (first, mut rest) = split.ok_or_else(|| Error::snapshot("a text in it is not UTF-8"))?;
    let late = late.into_iter().map_while(|len| {
        let (text, behind) = rest.split_at_checked(len)?;
        rest = behind;
        Some(text)
    });
    let names = Names::restore(first, ends, late)?.filter(|names| names.end() as usize == count + 1);
    names.ok_or_else(|| Error::snapshot("an id or a string in it is there twice, or not UTF-8"))
}

fn pools(schema: &Schema, input: &mut Input<'_>) -> Result<Pools, Error> {
    let (pools, pulse) = (Pools::default(), Pulse::default());
    let twice = || Error::snapshot("a set or a value in it is there twice");
    let count = input.count_of(size_of::<u32>())?;
    pools.sets.reserve(count);
    for _ in 0..count {
        pulse.step()?;
        let len = input.count()?;
        let rows = input.words(0, len)?;
        ascends(&rows)?;
        pools.sets.add(rows.into_boxed_slice()).ok_or_else(twice)?;
    }
    let count = input.count_of(size_of::<u32>())?;
    pools.places.reserve(count);
    for _ in 0..count {
        pulse.step()?;
        let places = places(input)?;
        ascends(&places)?;
        pools.places.add(places.into_boxed_slice()).ok_or_else(twice)?;
    }
    let count = input.count()?;
    let depth = depth(schema);
    for _ in 0..count {
        pulse.step()?;
        pools.values.add(input.value(depth)?).ok_or_else(twice)?;
    }
    Ok(pools)
}

fn places(input: &mut Input<'_>) -> Result<Vec<Place>, Error> {
    let len = input.count()?;
    if len == 0 {
        return Err(Error::snapshot("a set of entities in it is empty"));
    }
    let mut places = Vec::new();
    for _ in 0..len {
        let ty = input.half()?;
        places.push((TypeId(ty), Row(input.word()?)));
    }
    Ok(places)
}

fn ascends<T: PartialOrd>(all: &[T]) -> Result<(), Error> {
    if all.is_sorted_by(|a, b| a < b) { Ok(()) } else { Err(Error::snapshot("a set in it is out of order")) }
}

/// How deep a value of the schema can be.
fn depth(schema: &Schema) -> usize {
    fn of(ty: &Type) -> usize {
        match ty {
            Type::Set(element) => 1 + of(element),
            Type::Record(fields) => 1 + fields.values().map(|field| of(&field.ty)).max().unwrap_or(0),
            _ => 0,
        }
    }
    let deepest = schema.entity_types().iter().flat_map(|ty| {
        let tags = ty.tags.iter().map(|tags| 1 + of(tags));
        ty.attributes.iter().map(|(_, attribute)| of(&attribute.ty)).chain(tags)
    });
    deepest.max().unwrap_or(0)
}
