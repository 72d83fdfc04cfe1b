//! Worlds as bytes: written in one go, and opened again in a moment.
//!
//! A snapshot is the world's own rows, texts and numbers, so that every entity keeps its row. All numbers are
//! little-endian; a *count* is a LEB128 number, and what it counts takes at least a byte each:
//!
//! | what | as |
//! |---|---|
//! | magic, format | `caseward`, 32 bits |
//! | schema | SHA-256 of what the schema says of entity types |
//! | length | how many bytes all of it has, 64 bits |
//! | epoch, version | 64 bits each |
//! | each entity type, in the schema's order | ids; then the words of rows 1, 2, 3 … |
//! | strings | texts |
//! | sets of rows, sets of entities, other values | a count; then each as a count and its elements |
//! | checksum | SHA-256 of all bytes before |
//!
//! Ids and texts are a count, the length of each as a count, and the text of all. The length stands at the start so that
//! no more is read than belongs to it, whatever a file's length is.
//!
//! INVARIANT: what [`World::from_bytes`] gives is a world that a builder could have made, whatever the bytes: a
//! checksum tells damage, not malice, so that [`check`] looks at every word.

mod check;
mod read;
#[cfg(test)]
mod tests;
mod wire;
mod write;

use std::cmp::Ordering;
use std::io;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::World;
use crate::model::interrupt;
use crate::model::{Attribute, Error, Schema, Type};
use wire::{CHECKSUM, Input};

const MAGIC: &[u8; 8] = b"caseward";
/// The format that is written, and the only one that is read.
const FORMAT: u32 = 2;
/// Where the length lies.
const LENGTH: usize = MAGIC.len() + size_of::<u32>() + CHECKSUM;

/// Where the epoch lies.
#[cfg(feature = "testing")]
pub(crate) const EPOCH: usize = World::SNAPSHOT_START;

impl World {
    /// The world as bytes, which [`World::from_bytes`] opens.
    ///
    /// Cost: that of copying and hashing all of it, a second or so for 300 MB. Batches wait meanwhile; checks
    /// do not. A world that [`World::with`] gave is written as it is seen.
    ///
    /// # Example
    /// ```
    /// use caseward::{EntityUid, Value, Ward, World, WorldBuilder};
    ///
    /// let ward = Ward::attendance()?;
    /// let mut builder = WorldBuilder::new(ward.schema());
    /// builder.add(&EntityUid::new("School", "northcote"), [("kind", Value::from("state"))]);
    /// let bytes = builder.finish()?.to_bytes();
    ///
    /// let world = World::from_bytes(ward.schema(), &bytes)?;
    /// assert_eq!(world.count("School")?, 1);
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.snapshot_len());
        // Memory takes every byte, and nobody is asked whether to end before.
        let _ = interrupt::unasked(|| self.write_snapshot(&mut bytes));
        bytes
    }

    /// Writes what [`World::to_bytes`] gives, without holding it in memory.
    ///
    /// Batches wait for as long as `output` takes: into a file, not over a slow network.
    ///
    /// # Errors
    /// What `output` reports; an [`Error::is_interrupted`] within an error of kind `Other`.
    pub fn write_snapshot(&self, output: impl io::Write) -> io::Result<()> {
        write::write(self, output)
    }

    /// Opens what [`World::to_bytes`] gave: the same entities in the same rows, with the epoch and the version
    /// that the world had.
    ///
    /// So handles and cursors from before the snapshot go on naming what they did. Open it in the place of the
    /// world that was written: where both are changed, later handles and cursors of one mean nothing to the
    /// other, which cannot tell.
    ///
    /// Cost: that of hashing and copying the bytes, of making the tables by which ids are found, and of a look
    /// at every word: a second or two for a million cases. Memory grows with `bytes`, whatever they hold.
    ///
    /// # Errors
    /// [`Error::is_snapshot`] for bytes that are no snapshot, of another format, damaged, or of a world that
    /// could not be; [`Error::is_schema`] for a snapshot of another schema's data; [`Error::is_interrupted`].
    pub fn from_bytes(schema: &Arc<Schema>, bytes: &[u8]) -> Result<World, Error> {
        let (of_schema, len) = header(bytes)?;
        as_long_as_it_says(bytes.len() as u64, len)?;
        let sealed = bytes.len().checked_sub(CHECKSUM).and_then(|at| bytes.split_at_checked(at));
        let (content, checksum) = sealed.ok_or_else(wire::cut_off)?;
        if hash(content)?.as_slice() != checksum {
            return Err(Error::snapshot("its checksum does not match: it is damaged or cut off"));
        }
        if of_schema != schema_hash(schema) {
            return Err(Error::schema());
        }
        let mut input = Input::new(content);
        input.take(World::SNAPSHOT_START)?;
        read::read(schema, input)
    }

    /// How many bytes of a snapshot [`World::snapshot_fits`] looks at.
    pub const SNAPSHOT_START: usize = LENGTH + size_of::<u64>();

    /// How many bytes a snapshot that starts with these has, where it is of this format and schema: so that a file is
    /// refused before it is read into memory, and no more is read of it. `len` is the length of the file, where that is
    /// known.
    ///
    /// # Errors
    /// As [`World::from_bytes`]; also for a file that is longer than its snapshot, or shorter.
    pub fn snapshot_fits(schema: &Schema, start: &[u8], len: Option<u64>) -> Result<u64, Error> {
        let (of_schema, said) = header(start)?;
        if of_schema != schema_hash(schema) {
            return Err(Error::schema());
        }
        len.map_or(Ok(()), |len| as_long_as_it_says(len, said))?;
        Ok(said)
    }

    /// Whether bytes begin as a snapshot does; eight of them tell.
    pub fn is_snapshot(start: &[u8]) -> bool {
        start.starts_with(MAGIC)
    }

    /// About how many bytes a snapshot takes.
    fn snapshot_len(&self) -> usize {
        let rows = self.data.tables.iter().map(|table| table.rows.bytes() + table.names.end() as usize);
        rows.sum::<usize>() + self.text_bytes() + self.data.strings.end() as usize + self.data.pools.bytes()
    }
}

/// The checksum of bytes.
///
/// # Errors
/// Where it is told to end.
fn hash(bytes: &[u8]) -> Result<[u8; CHECKSUM], Error> {
    /// Some milliseconds each.
    const PIECE: usize = 1 << 22;
    let mut hash = Sha256::new();
    for piece in bytes.chunks(PIECE) {
        interrupt::ask()?;
        hash.update(piece);
    }
    Ok(hash.finalize().into())
}

/// The hash of the schema whose data a snapshot holds, and how many bytes it has, from its first bytes.
fn header(start: &[u8]) -> Result<(&[u8], u64), Error> {
    let mut header = Input::new(start);
    if !World::is_snapshot(start) {
        return Err(Error::snapshot("it does not begin as one"));
    }
    header.take(MAGIC.len())?;
    let format = header.word()?;
    if format != FORMAT {
        return Err(Error::snapshot(format!("it is of format {format}, and this reads {FORMAT}")));
    }
    Ok((header.take(CHECKSUM)?, header.long()?))
}

fn as_long_as_it_says(len: u64, said: u64) -> Result<(), Error> {
    match len.cmp(&said) {
        Ordering::Less => Err(wire::cut_off()),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(wire::goes_on()),
    }
}

/// Puts the right length into a snapshot that a test has changed, and the right checksum at its end.
#[cfg(feature = "testing")]
pub(crate) fn seal(bytes: &mut [u8]) {
    let len = (bytes.len() as u64).to_le_bytes();
    let place = bytes.get_mut(LENGTH..World::SNAPSHOT_START).unwrap_or_default();
    place.iter_mut().zip(len).for_each(|(to, from)| *to = from);
    let at = bytes.len().saturating_sub(CHECKSUM);
    let (content, checksum) = bytes.split_at_mut(at);
    for (to, from) in checksum.iter_mut().zip(Sha256::digest(content)) {
        *to = from;
    }
}

/// What the bytes of rows depend on: entity types, their attributes, tags, hierarchy and choices.
fn schema_hash(schema: &Schema) -> [u8; CHECKSUM] {
    let mut hash = Sha256::new();
    number(&mut hash, schema.entity_types().len());
    for ty in schema.entity_types() {
        text(&mut hash, &ty.name);
        number(&mut hash, ty.attributes.len());
        ty.attributes.iter().for_each(|(name, attribute)| field(&mut hash, schema, name, attribute));
        number(&mut hash, usize::from(ty.tags.is_some()));
        ty.tags.iter().for_each(|tags| kind(&mut hash, schema, tags));
        let mut above: Vec<_> = ty.ancestors.iter().map(|above| above.index()).collect();
        above.sort_unstable();
        number(&mut hash, above.len());
        above.into_iter().for_each(|above| number(&mut hash, above));
        number(&mut hash, ty.choices.as_ref().map_or(0, |choices| choices.len() + 1));
        ty.choices.iter().flatten().for_each(|id| text(&mut hash, id));
    }
    hash.finalize().into()
}

fn number(hash: &mut Sha256, number: usize) {
    hash.update((number as u64).to_le_bytes());
}

fn text(hash: &mut Sha256, text: &str) {
    number(hash, text.len());
    hash.update(text);
}

fn field(hash: &mut Sha256, schema: &Schema, name: &str, attribute: &Attribute) {
    text(hash, name);
    number(hash, usize::from(attribute.required));
    kind(hash, schema, &attribute.ty);
}

fn kind(hash: &mut Sha256, schema: &Schema, ty: &Type) {
    match ty {
        Type::Set(element) => {
            text(hash, "Set");
            kind(hash, schema, element);
        }
        Type::Record(fields) => {
            text(hash, "Record");
            number(hash, fields.len());
            fields.iter().for_each(|(name, attribute)| field(hash, schema, name, attribute));
        }
        Type::Entity(of) => {
            text(hash, "Entity");
            number(hash, of.index());
        }
        plain => text(hash, &schema.show(plain)),
    }
}
