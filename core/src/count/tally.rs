//! Counting rows by the keys that they have in several groups.

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use crate::model::zone::Calendar;
use crate::model::{AttrId, Period, TypeId, Value};
use crate::table::Key;
use crate::table::group::{By, Resolved};
use crate::table::profile::GROUPS;
use crate::world::index::{Index, Keys, NONE, Path, Walk, key_of_bool};
use crate::world::layout::Stored;
use crate::world::{Indices, Row, World};

/// The numbers of a row's keys; those of groups that are not there are 0.
type Numbers = [u32; GROUPS];

/// The number of a set that has no element, which is none of an element's.
const EMPTY: u32 = u32::MAX;

/// One count.
pub(super) struct Tally<'a> {
    world: &'a World,
    ty: TypeId,
    readers: Vec<Reader<'a>>,
    counts: Counts,
    /// Lines that there may be.
    most: usize,
}

/// Where counts are held.
enum Counts {
    /// Of one group, of which a record has one value, by number.
    One(Vec<u64>),
    Several(HashMap<Numbers, u64>),
}

/// Reads a row's keys in one group as numbers, [`NONE`] where it has none.
pub(super) struct Reader<'a> {
    group: &'a Resolved,
    walk: Walk,
    /// The last step, where what it holds has no number in the world.
    last: Option<(TypeId, AttrId)>,
    calendar: Option<Calendar>,
    longs: Given<i64>,
    periods: Given<Period>,
    values: Given<Value>,
}

/// Numbers given to values as they come, from 1.
struct Given<T> {
    numbers: HashMap<T, u32>,
    all: Vec<T>,
}

impl<T> Default for Given<T> {
    fn default() -> Self {
        Given { numbers: HashMap::new(), all: Vec::new() }
    }
}

impl<T: std::hash::Hash + Eq + Clone> Given<T> {
    fn number(&mut self, value: T) -> u32 {
        if let Some(&number) = self.numbers.get(&value) {
            return number;
        }
        self.all.push(value.clone());
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.numbers.insert(value, number);
        number
    }

    fn value(&self, number: u32) -> Option<T> {
        self.all.get((number as usize).checked_sub(1)?).cloned()
    }
}

impl<'a> Tally<'a> {
    /// `None` for groups that no path leads to, or for none.
    pub(super) fn new(world: &'a World, ty: TypeId, groups: &[&'a Resolved], most: usize) -> Option<Self> {
        let readers: Option<Vec<Reader<'_>>> = groups.iter().map(|group| Reader::new(world, group)).collect();
        let readers = readers.filter(|readers| (1..=GROUPS).contains(&readers.len()))?;
        let is_one = readers.len() == 1 && readers.iter().all(|reader| !reader.group.is_set);
        let counts = if is_one { Counts::One(Vec::new()) } else { Counts::Several(HashMap::new()) };
        Some(Tally { world, ty, readers, counts, most })
    }

    /// Counts the rows, by whichever way is cheaper.
    ///
    /// # Errors
    /// More lines than there may be.
    pub(super) fn count(&mut self, indices: &Indices, rows: &RoaringBitmap) -> Result<(), ()> {
        match self.order(indices, rows.len()) {
            Some(order) => self.meet(&order, rows, [NONE; GROUPS]),
            None => self.walk(rows),
        }
    }

    /// The groups in the order in which their indices are met with the rows, where that is cheaper than to look
    /// at each row.
    fn order<'i>(&self, indices: &'i Indices, rows: u64) -> Option<Vec<(usize, &'i Index)>> {
        /// About what one row costs, in nanoseconds: to be found, and each step of a path.
        const ROW: f64 = 4.0;
        const STEP: f64 = 6.0;
        // A row whose set is empty stands under no key of an index.
        let is_indexed = |reader: &Reader<'_>| reader.group.is_keyed() && !reader.group.is_set;
        if self.world.is_overlaid() || !self.readers.iter().all(is_indexed) {
            return None;
        }
        let walked: f64 = self.readers.iter().map(|r| ROW + STEP * r.group.path.steps.len() as f64).sum();
        let walked = walked * rows as f64;
        let index = |(at, reader): (usize, &Reader<'_>)| Some((at, indices.of(&reader.group.path)?));
        let mut order: Vec<(usize, &Index)> =
            self.readers.iter().enumerate().map(index).collect::<Option<_>>()?;
        order.sort_by_key(|(_, index)| index.len());
        let (mut parts, mut met) = (1.0, 0.0);
        for (_, index) in &order {
            met += parts * meeting(index, rows as f64 / parts, walked)?;
            parts *= index.len().max(1) as f64;
        }
        (met < walked).then_some(order)
    }

    /// Meets the rows with every key of the first index, and what is left with those of the others.
    fn meet(&mut self, order: &[(usize, &Index)], rows: &RoaringBitmap, keys: Numbers) -> Result<(), ()> {
        let Some((&(at, index), rest)) = order.split_first() else { return Ok(()) };
        let mut met = Ok(());
        index.each(|key, posting| {
            if met.is_err() || posting.len() == 0 {
                return;
            }
            let mut keys = keys;
            keys.iter_mut().skip(at).take(1).for_each(|slot| *slot = key);
            if rest.is_empty() {
                let count = posting.meet_len(rows);
                met = if count == 0 { Ok(()) } else { self.add(keys, count) };
            } else {
                let part = posting.meet(rows);
                if !part.is_empty() {
                    met = self.meet(rest, &part, keys);
                }
            }
        });
        met
    }

    /// Looks at each row.
    fn walk(&mut self, rows: &RoaringBitmap) -> Result<(), ()> {
        let world = self.world;
        let mut keys: [Vec<u32>; GROUPS] = Default::default();
        for row in rows {
            for (reader, keys) in self.readers.iter_mut().zip(&mut keys) {
                keys.clear();
                reader.read_all(world, (self.ty, row), keys);
            }
            let held = keys.get(..self.readers.len()).unwrap_or_default();
            self.add_each(held, 0, [NONE; GROUPS])?;
        }
        Ok(())
    }

    /// Adds one to each combination of the keys. Recursion is bounded by the number of groups.
    fn add_each(&mut self, keys: &[Vec<u32>], at: usize, chosen: Numbers) -> Result<(), ()> {
        let Some((first, rest)) = keys.split_first() else { return self.add(chosen, 1) };
        for key in first {
            let mut chosen = chosen;
            chosen.iter_mut().skip(at).take(1).for_each(|slot| *slot = *key);
            self.add_each(rest, at + 1, chosen)?;
        }
        Ok(())
    }

    fn add(&mut self, keys: Numbers, count: u64) -> Result<(), ()> {
        match &mut self.counts {
            Counts::One(all) => {
                let [at, ..] = keys;
                if all.len() <= at as usize {
                    all.resize(at as usize + 1, 0);
                }
                all.get_mut(at as usize).into_iter().for_each(|slot| *slot += count);
                Ok(())
            }
            Counts::Several(all) => {
                *all.entry(keys).or_insert(0) += count;
                if all.len() > self.most { Err(()) } else { Ok(()) }
            }
        }
    }

    /// The keys of each count that is not 0, in the order of the groups.
    pub(super) fn counts(&self) -> Vec<(Vec<Key>, u64)> {
        let named = |keys: &Numbers, count: u64| {
            let keys = self.readers.iter().zip(keys).map(|(reader, number)| reader.key(self.world, *number));
            (keys.collect(), count)
        };
        match &self.counts {
            Counts::One(all) => {
                let counted = (0..).zip(all).filter(|(_, count)| **count > 0);
                counted.map(|(at, count)| named(&[at, NONE, NONE, NONE], *count)).collect()
            }
            Counts::Several(all) => all.iter().map(|(keys, count)| named(keys, *count)).collect(),
        }
    }
}

/// About how many nanoseconds it takes to meet so many rows with every key of an index; `None` where that is more
/// than `most`.
fn meeting(index: &Index, rows: f64, most: f64) -> Option<f64> {
    /// To find out whether a set holds a row, to go through two compressed sets for each row of the smaller, the
    /// most that a block of these takes, and the look at a key.
    const HELD: f64 = 8.0;
    const BOTH: f64 = 1.5;
    const BLOCK: f64 = 600.0;
    const KEY: f64 = 3.0;
    let mut all = KEY * index.len() as f64;
    if all > most {
        return None;
    }
    index.each(|_, posting| {
        all += match posting.rows() {
            Ok(listed) => HELD * listed.len() as f64,
            Err(bitmap) => {
                let blocks = bitmap.max().map_or(0, |last| (last >> 16) + 1);
                (BOTH * rows.min(bitmap.len() as f64)).min(BLOCK * f64::from(blocks))
            }
        };
    });
    (all <= most).then_some(all)
}

impl<'a> Reader<'a> {
    pub(super) fn new(world: &World, group: &'a Resolved) -> Option<Self> {
        let path = &group.path;
        let (walk, last) = if group.is_keyed() {
            (Walk::new(world, path)?, None)
        } else {
            let (last, before) = path.steps.split_last()?;
            let before = Path { start: path.start, steps: before.to_vec() };
            let of = before.target(world.schema()).unwrap_or(path.start);
            (Walk::new(world, &before)?, Some((of, *last)))
        };
        let calendar = match &group.by {
            By::Period(unit, zone) => Some(Calendar::new(zone, *unit)),
            _ => None,
        };
        let (longs, periods, values) = Default::default();
        Some(Reader { group, walk, last, calendar, longs, periods, values })
    }

    /// Adds the numbers of a row's keys: one at least.
    pub(super) fn read_all(&mut self, world: &World, row: (TypeId, u32), found: &mut Vec<u32>) {
        self.read(world, row, found);
        if found.is_empty() {
            found.push(EMPTY);
        }
    }

    /// Adds the numbers of a row's keys; none of a set that has no element.
    #[inline]
    fn read(&mut self, world: &World, (ty, row): (TypeId, u32), found: &mut Vec<u32>) {
        let Some((of, attr)) = self.last else {
            return self.walk.each_key(world, row, |key| found.push(key));
        };
        let mut place = (of, Row(NONE));
        if self.group.path.steps.len() == 1 {
            place = (ty, Row(row));
        } else {
            self.walk.each_key(world, row, |key| place.1 = Row(key));
        }
        match (&self.group.by, &mut self.calendar) {
            (By::Period(..), Some(calendar)) => found.push(match world.stored(place, attr) {
                Some(Stored::Long(ms)) => self.periods.number(calendar.period(ms)),
                _ => NONE,
            }),
            (By::Long, _) => found.push(match world.stored(place, attr) {
                Some(Stored::Long(number)) => self.longs.number(number),
                _ => NONE,
            }),
            _ => match world.value(place.0, place.1, attr) {
                Some(Value::Set(values)) => {
                    found.extend(values.into_iter().map(|value| self.values.number(value)));
                }
                Some(value) => found.push(self.values.number(value)),
                None => found.push(NONE),
            },
        }
    }

    /// The key of a number.
    pub(super) fn key(&self, world: &World, number: u32) -> Key {
        if number == NONE {
            return Key::Absent;
        }
        if self.group.is_set && number == EMPTY {
            return Key::Empty;
        }
        let value = match &self.group.by {
            By::Period(..) => return self.periods.value(number).map_or(Key::Absent, Key::Period),
            By::Long => self.longs.value(number).map(Value::Long),
            By::Value => self.values.value(number),
            By::Key => match self.group.path.keys(world.schema()) {
                Some(Keys::Rows(ty)) => Some(Value::Entity(world.uid((ty, Row(number))))),
                Some(Keys::Strings) => Some(Value::string(world.text(number))),
                Some(Keys::Bools) => Some(Value::Bool(number == key_of_bool(true))),
                _ => None,
            },
        };
        value.map_or(Key::Absent, Key::Value)
    }
}
