//! Where the parts of an entity lie among its words.
//!
//! Every entity of a type is a row of so many 32-bit words: flags first, then what the hierarchy and tags
//! need, then the attributes. A reference, a string, a set or any other value is a number, 0 where it is
//! absent; a `Long` and its like are two words and a flag; a `Bool` is two flags. So a row of zeros is an
//! entity that is not there and has nothing.

use crate::model::{AttrId, EntityType, Type};

/// The flag in the first word that says that the entity is there.
pub(crate) const DEFINED: u32 = 1;

/// What an attribute holds, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Bool(bool),
    /// A `Long`, or a `datetime`, `duration` or `decimal` as its number.
    Long(i64),
    /// The number of a string, a row, a set or a value; never 0.
    Number(u32),
}

/// What the number of an attribute counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    String,
    Row,
    /// A set of rows.
    Rows,
    Value,
}

/// Where an attribute lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The flag at `bit` says whether it is there, the one above it what it is.
    Bool {
        word: usize,
        bit: u32,
    },
    /// Two words from `word`, the lower half first; the flag at `bit` of `flags` says whether it is there.
    Long {
        word: usize,
        flags: usize,
        bit: u32,
    },
    Number {
        word: usize,
        kind: Kind,
    },
}

/// The rows of one entity type.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    words: usize,
    /// By attribute.
    slots: Vec<Slot>,
    /// The numbers of the sets of direct parents and of all ancestors, where the schema has a hierarchy.
    pub(super) parents: Option<usize>,
    pub(super) ancestors: Option<usize>,
    /// The number of the record of tags.
    pub(super) tags: Option<usize>,
}

impl Layout {
    pub(super) fn new(ty: &EntityType) -> Self {
        let bits = |ty: &Type| match ty {
            Type::Bool => 2,
            Type::Long | Type::Datetime | Type::Duration | Type::Decimal => 1,
            _ => 0,
        };
        // Flags of one attribute share a word.
        let (mut word, mut bit) = (0, 1);
        let mut flags = Vec::new();
        for (_, attribute) in &ty.attributes {
            let wanted = bits(&attribute.ty);
            if bit + wanted > u32::BITS {
                (word, bit) = (word + 1, 0);
            }
            flags.push((word, bit));
            bit += wanted;
        }
        let mut words = word + 1;
        let mut take = |count: usize| {
            words += count;
            words - count
        };
        let hierarchy = !ty.ancestors.is_empty();
        let (parents, ancestors) = (hierarchy.then(|| take(1)), hierarchy.then(|| take(1)));
        let tags = ty.tags.is_some().then(|| take(1));
        let slots =
            ty.attributes.iter().zip(flags).map(|((_, attribute), (flags, bit))| match &attribute.ty {
                Type::Bool => Slot::Bool { word: flags, bit },
                Type::Long | Type::Datetime | Type::Duration | Type::Decimal => {
                    Slot::Long { word: take(2), flags, bit }
                }
                Type::String => Slot::Number { word: take(1), kind: Kind::String },
                Type::Entity(_) => Slot::Number { word: take(1), kind: Kind::Row },
                Type::Set(element) if matches!(**element, Type::Entity(_)) => {
                    Slot::Number { word: take(1), kind: Kind::Rows }
                }
                Type::Set(_) | Type::Record(_) | Type::Ip => {
                    Slot::Number { word: take(1), kind: Kind::Value }
                }
            });
        let slots = slots.collect();
        Layout { words, slots, parents, ancestors, tags }
    }

    /// How many words an entity takes.
    pub(crate) fn words(&self) -> usize {
        self.words
    }

    pub(crate) fn slot(&self, attr: AttrId) -> Option<Slot> {
        self.slots.get(attr.index()).copied()
    }

    /// An attribute of the row whose words `word` reads.
    pub(crate) fn read(&self, attr: AttrId, word: impl Fn(usize) -> u32) -> Option<Stored> {
        match self.slot(attr)? {
            Slot::Bool { word: at, bit } => {
                let flags = word(at) >> bit;
                (flags & 1 != 0).then_some(Stored::Bool(flags & 2 != 0))
            }
            Slot::Long { word: at, flags, bit } => {
                let is_there = word(flags) >> bit & 1 != 0;
                (is_there || mutant!(OptionalIsZero)).then(|| Stored::Long(long(word(at), word(at + 1))))
            }
            Slot::Number { word: at, .. } => match word(at) {
                0 => None,
                number => Some(Stored::Number(number)),
            },
        }
    }

    /// Puts an attribute into the words of a row, or takes it out.
    ///
    /// Returns whether it fitted: what is of another form than the attribute does not.
    pub(super) fn write(&self, row: &mut [u32], attr: AttrId, stored: Option<Stored>) -> bool {
        let Some(slot) = self.slot(attr) else { return false };
        let mut put = |at: usize, mask: u32, value: u32| {
            if let Some(word) = row.get_mut(at) {
                *word = *word & !mask | value;
            }
        };
        match (slot, stored) {
            (Slot::Bool { word, bit }, None) => put(word, 3 << bit, 0),
            (Slot::Bool { word, bit }, Some(Stored::Bool(v))) => {
                put(word, 3 << bit, (1 | u32::from(v) << 1) << bit);
            }
            (Slot::Long { word, flags, bit }, None) => {
                put(flags, 1 << bit, 0);
                put(word, u32::MAX, 0);
                put(word + 1, u32::MAX, 0);
            }
            (Slot::Long { word, flags, bit }, Some(Stored::Long(v))) => {
                let [a, b, c, d, e, f, g, h] = v.to_le_bytes();
                put(flags, 1 << bit, 1 << bit);
                put(word, u32::MAX, u32::from_le_bytes([a, b, c, d]));
                put(word + 1, u32::MAX, u32::from_le_bytes([e, f, g, h]));
            }
            (Slot::Number { word, .. }, None) => put(word, u32::MAX, 0),
            (Slot::Number { word, .. }, Some(Stored::Number(number))) => put(word, u32::MAX, number),
            _ => return false,
        }
        true
    }
}

/// The number whose halves two words hold.
pub(crate) fn long(low: u32, high: u32) -> i64 {
    let ([a, b, c, d], [e, f, g, h]) = (low.to_le_bytes(), high.to_le_bytes());
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}
