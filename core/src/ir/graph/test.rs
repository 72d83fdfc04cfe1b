//! Tests of one fact, as a decision makes them: a few loads and a comparison, on the world's own numbers.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ir::{Evaluation, Id, Program};
use crate::model::{Attribute, EntityUid, Value};
use crate::world::layout::long;
use crate::world::{Place, Row, World};

/// Steps of a way that is walked by numbers; a longer one is left to [`Test::Slow`].
pub(crate) const STEPS: usize = 3;

/// Where a way begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Root {
    Principal,
    Resource,
}

/// A word of an entity that references lead to.
///
/// What is absent is row 0, whose words are all 0: a way that leads nowhere ends in 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Way {
    pub(crate) root: Root,
    len: u8,
    /// A type and a word of its rows; all but the last are references.
    steps: [(u16, u16); STEPS],
}

impl Way {
    /// `None` for a way of no steps or too many.
    pub(crate) fn new(root: Root, all: &[(u16, u16)]) -> Option<Self> {
        let mut steps = [(0, 0); STEPS];
        if all.is_empty() || all.len() > STEPS {
            return None;
        }
        steps.iter_mut().zip(all).for_each(|(step, given)| *step = *given);
        Some(Way { root, len: u8::try_from(all.len()).ok()?, steps })
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline]
    fn read(&self, facts: &Facts<'_>) -> u32 {
        let read = |row: u32, (ty, word): (u16, u16)| facts.world.stored_word(ty, row, word);
        let [first, second, third] = self.steps;
        // Spelled out: a loop costs more than its steps.
        let mut number = read(facts.row(self.root), first);
        if self.len > 1 {
            number = read(number, second);
            if self.len > 2 {
                number = read(number, third);
            }
        }
        number
    }

    /// The word at the end, and the two words that lie at `low` beside it.
    fn read_long(&self, facts: &Facts<'_>, low: u16) -> (u32, i64) {
        let mut row = facts.row(self.root);
        let (Some((last, before)), world) =
            (self.steps.get(..self.len()).and_then(<[_]>::split_last), facts.world)
        else {
            return (0, 0);
        };
        for &(ty, word) in before {
            row = world.stored_word(ty, row, word);
        }
        let word = |at| world.stored_word(last.0, row, at);
        (word(last.1), long(word(low), word(low + 1)))
    }
}

/// An instant or another number, with what is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Amount {
    pub(crate) of: Of,
    pub(crate) plus: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    Const(i64),
    /// A field of the context.
    Given(u16),
    /// The number at the words from `low` of the entity at the end of the way.
    Stored {
        way: Way,
        low: u16,
    },
}

impl Amount {
    /// `None` where the sum is too large.
    #[inline]
    fn read(&self, facts: &Facts<'_>) -> Option<i64> {
        let amount = match self.of {
            Of::Const(value) => value,
            Of::Given(field) => facts.given(field).long,
            Of::Stored { way, low } => way.read_long(facts, low).1,
        };
        amount.checked_add(self.plus)
    }
}

/// An entity or a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Thing {
    Number(u32),
    Principal,
    Resource,
    Given(u16),
    At(Way),
}

impl Thing {
    #[inline]
    fn read(&self, facts: &Facts<'_>) -> u32 {
        match self {
            Thing::Number(number) => *number,
            Thing::Principal => facts.row(Root::Principal),
            Thing::Resource => facts.row(Root::Resource),
            Thing::Given(field) => facts.given(*field).number,
            Thing::At(way) => way.read(facts),
        }
    }
}

/// A test of one fact. Whatever the facts are it has an outcome, also where no policy would ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Test {
    /// The same, and there.
    Same(Way, Thing),
    /// The flags of the word that `mask` chooses are `is`, or are not.
    Flags {
        way: Way,
        mask: u32,
        is: u32,
        not: bool,
    },
    /// One of the numbers, which ascend.
    OneOf(Box<[u32]>, Thing),
    /// The thing is in the set whose number the way ends in.
    Holds(Way, Thing),
    Order {
        strict: bool,
        amounts: Box<(Amount, Amount)>,
    },
    TooLarge(Box<Amount>),
    Given(u16),
    GivenTrue(u16),
    /// Any condition, evaluated as the program has it.
    Slow(Id),
    /// Whether that fails.
    Fails(Id),
}

/// A word compared with a number, or with the row of who asks or of what is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain {
    way: Way,
    with: With,
    not: bool,
    mask: u32,
    number: u32,
}

#[derive(Clone, Copy, Debug)]
enum With {
    Number,
    Principal,
    Resource,
}

impl Plain {
    #[inline]
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> bool {
        let with = match self.with {
            With::Number => self.number,
            With::Principal => facts.row(Root::Principal),
            With::Resource => facts.row(Root::Resource),
        };
        (self.way.read(facts) & self.mask == with) != self.not
    }
}

impl Test {
    /// The test as a plain comparison, where it is one. Rows and numbers of things are never 0, so that nothing
    /// that is absent is the same as one.
    pub(crate) fn plain(&self) -> Option<Plain> {
        let same = |way: &Way, with, number| Plain { way: *way, with, not: false, mask: u32::MAX, number };
        match self {
            Test::Same(way, Thing::Number(number)) if *number != 0 => Some(same(way, With::Number, *number)),
            Test::Same(way, Thing::Principal) => Some(same(way, With::Principal, 0)),
            Test::Same(way, Thing::Resource) => Some(same(way, With::Resource, 0)),
            Test::Flags { way, mask, is, not } => {
                Some(Plain { way: *way, with: With::Number, not: *not, mask: *mask, number: *is })
            }
            _ => None,
        }
    }

    /// Whether any of the flags is set, or whether there is any number at all.
    pub(crate) fn some(way: Way, mask: u32) -> Self {
        Test::Flags { way, mask, is: 0, not: true }
    }

    /// Whether all of the flags are set.
    pub(crate) fn all(way: Way, mask: u32) -> Self {
        Test::Flags { way, mask, is: mask, not: false }
    }

    /// What comes first where either order is right: what is at hand, then what is further away.
    pub(crate) fn distance(&self) -> usize {
        let of_thing = |thing: &Thing| if let Thing::At(way) = thing { way.len() } else { 0 };
        match self {
            Test::Given(_) | Test::GivenTrue(_) => 0,
            Test::Flags { way, .. } => way.len(),
            Test::Same(way, thing) => way.len().max(of_thing(thing)),
            Test::OneOf(_, thing) => of_thing(thing),
            Test::Holds(way, thing) => 1 + way.len().max(of_thing(thing)),
            Test::Order { amounts, .. } => {
                let of = |amount: &Amount| if let Of::Stored { way, .. } = amount.of { way.len() } else { 0 };
                1 + of(&amounts.0).max(of(&amounts.1))
            }
            Test::TooLarge(_) => 3,
            Test::Slow(_) | Test::Fails(_) => 10,
        }
    }

    #[inline]
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> bool {
        match self {
            Test::Same(way, thing) => {
                let number = way.read(facts);
                number != 0 && number == thing.read(facts)
            }
            Test::Flags { way, mask, is, not } => (way.read(facts) & mask == *is) != *not,
            Test::OneOf(numbers, thing) => numbers.binary_search(&thing.read(facts)).is_ok(),
            Test::Holds(way, thing) => facts.is_held(way, thing),
            Test::Order { strict, amounts } => match (amounts.0.read(facts), amounts.1.read(facts)) {
                (Some(a), Some(b)) => a.cmp(&b) == Ordering::Less || !strict && a == b,
                _ => false,
            },
            Test::TooLarge(amount) => amount.read(facts).is_none(),
            Test::Given(field) => facts.given(*field).is_there,
            Test::GivenTrue(field) => facts.given(*field).is_true,
            Test::Slow(id) => facts.evaluate(*id) == Some(true),
            Test::Fails(id) => facts.evaluate(*id).is_none(),
        }
    }
}

/// What tests look at.
pub(crate) struct Facts<'a> {
    pub(crate) world: &'a World,
    pub(crate) program: &'a Program,
    pub(crate) principal: Place,
    pub(crate) resource: Place,
    pub(crate) context: &'a Given<'a>,
}

impl Facts<'_> {
    #[inline]
    fn row(&self, root: Root) -> u32 {
        match root {
            Root::Principal => self.principal.1.0,
            Root::Resource => self.resource.1.0,
        }
    }

    /// Whether the thing is in the set whose number the way ends in.
    #[inline]
    pub(crate) fn is_held(&self, way: &Way, thing: &Thing) -> bool {
        self.world.set_holds(way.read(self), thing.read(self))
    }

    #[inline]
    fn given(&self, field: u16) -> Field {
        self.context.fields.get(usize::from(field)).copied().unwrap_or_default()
    }

    fn evaluate(&self, id: Id) -> Option<bool> {
        let context = &self.context.values;
        Evaluation::new(self.program, self.world, self.principal, Some(self.resource), context).holds(id).ok()
    }
}

/// A context in the form in which tests look at it.
#[derive(Clone, Debug)]
pub(crate) struct Given<'a> {
    pub(crate) values: Cow<'a, BTreeMap<Arc<str>, Value>>,
    /// By the field's place among those of the action.
    fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Field {
    is_there: bool,
    is_true: bool,
    number: u32,
    long: i64,
}

impl<'a> Given<'a> {
    /// A context that conforms to `shape`.
    pub(crate) fn new(
        world: &World,
        shape: &BTreeMap<Arc<str>, Attribute>,
        values: Cow<'a, BTreeMap<Arc<str>, Value>>,
    ) -> Self {
        let fields =
            shape.keys().map(|name| values.get(name).map_or_else(Field::default, |v| Field::new(world, v)));
        let fields = fields.collect();
        Given { values, fields }
    }

    /// Whether the data knows every string and entity that is a field.
    pub(crate) fn is_known(&self) -> bool {
        self.fields.iter().all(|field| field.number != u32::MAX)
    }

    /// Whether all entities that it names are such.
    pub(crate) fn names_only(&self, is_such: impl Fn(&EntityUid) -> bool) -> bool {
        let mut all = true;
        self.values.values().for_each(|value| value.for_each_entity(&mut |uid| all &= is_such(uid)));
        all
    }
}

impl Field {
    fn new(world: &World, value: &Value) -> Self {
        let mut field = Field { is_there: true, ..Field::default() };
        match value {
            Value::Bool(value) => field.is_true = *value,
            Value::Long(value) | Value::Datetime(value) | Value::Duration(value) | Value::Decimal(value) => {
                field.long = *value;
            }
            // No string of the data has that number.
            Value::String(text) => field.number = world.string_number(text).unwrap_or(u32::MAX),
            Value::Entity(uid) => field.number = world.place(uid).map_or(u32::MAX, |(_, Row(row))| row),
            _ => {}
        }
        field
    }
}
