//! From parents to ancestors: what an entity lies in, at any distance.
//!
//! Ancestors are kept with each entity, so that `in` looks nothing up; entities with the same parents share them. A
//! chain of entities that lie in one another has a number of ancestors that grows with its square: how many there
//! may be is bounded, for a chain of some 5,800 entities.

use hashbrown::HashMap;

use super::Place;
use super::encode::Pools;

/// Ancestors that are told one by one before a hierarchy is too deep, however small it is.
const MOST: usize = 16 << 20;
/// How many more for each parent that is named: hierarchies that are wide rather than deep have no end.
const MOST_EACH: usize = 64;
/// Entities in circles that are named at once.
const NAMED: usize = 100;
/// Steps above a set that are not known before those of what it leads to.
const OPEN: u64 = u64::MAX;

/// Said of an entity whose ancestors hold itself.
pub(super) const CIRCLE: &str = "lies in itself, through its parents";

/// Said of the entity at which a hierarchy became too deep.
pub(super) fn too_deep() -> String {
    format!(
        "the hierarchy is too deep: of everything all ancestors are kept, {MOST} and {MOST_EACH} for each parent that \
         is named at most, which is enough for a chain of some 5,800 entities; let fewer lie in one another, or name \
         what stands above in an attribute instead of `parents`"
    )
}

/// Why there are no ancestors.
pub(super) enum Unclosed {
    /// The entities that lie in themselves and were not named before, the first of them where there are many.
    Circle(Vec<Place>),
    TooDeep,
}

/// Finds ancestors, those of each set of parents once.
pub(super) struct Closing<'a, F> {
    pools: &'a Pools,
    /// The number of the set of an entity's parents.
    parents: F,
    /// By the number of a set of parents.
    state: HashMap<u32, State>,
    /// Ancestors that were copied, and parents that were named, so far.
    copied: usize,
    named: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// It is being closed.
    Open,
    /// The number of the ancestors.
    Closed(u32),
    /// A circle was found in it.
    Circular,
}

/// A set of parents that is being closed, and which of them is next.
struct Frame {
    set: u32,
    next: usize,
}

impl<'a, F: Fn(Place) -> u32> Closing<'a, F> {
    pub(super) fn new(pools: &'a Pools, parents: F) -> Self {
        Closing { pools, parents, state: HashMap::new(), copied: 0, named: 0 }
    }

    /// The deepest of these entities, where their ancestors are sure to be too many: said at once, before any are told
    /// one by one.
    ///
    /// Who lies so many steps below something has so many ancestors at least. So a chain is told by its length; where
    /// nothing is found here, closing may still come to too many. What goes in a circle is for closing to name.
    pub(super) fn too_deep(&self, places: impl Iterator<Item = Place>) -> Option<Place> {
        let mut steps: HashMap<u32, u64> = HashMap::new();
        let (mut copied, mut named) = (0_u64, 0_u64);
        let mut deepest: Option<(u64, Place)> = None;
        for place in places {
            let set = (self.parents)(place);
            let mut open = Vec::new();
            if !steps.contains_key(&set) {
                steps.insert(set, OPEN);
                open.push(Frame { set, next: 0 });
            }
            while let Some(frame) = open.last_mut() {
                let above = self.pools.places.get(frame.set).map_or(&[][..], AsRef::as_ref);
                let next = above.get(frame.next).map(|place| (self.parents)(*place));
                frame.next += 1;
                match next {
                    Some(set) if !steps.contains_key(&set) => {
                        steps.insert(set, OPEN);
                        open.push(Frame { set, next: 0 });
                    }
                    Some(set) if steps.get(&set) == Some(&OPEN) => return None,
                    Some(_) => {}
                    None => {
                        let far = above.iter().map(|place| steps.get(&(self.parents)(*place)).unwrap_or(&0));
                        copied = far.clone().fold(copied, |all, steps| all.saturating_add(*steps));
                        named += above.len() as u64;
                        steps.insert(frame.set, far.max().map_or(0, |steps| steps + 1));
                        open.pop();
                    }
                }
            }
            let far = steps.get(&set).copied().unwrap_or(0);
            if deepest.is_none_or(|(most, _)| far > most) {
                deepest = Some((far, place));
            }
        }
        let most = (MOST as u64).saturating_add((MOST_EACH as u64).saturating_mul(named));
        deepest.filter(|_| copied > most).map(|(_, place)| place)
    }

    /// The number of the ancestors of what has the parents of number `set`.
    pub(super) fn close(&mut self, set: u32) -> Result<u32, Unclosed> {
        let mut open: Vec<Frame> = Vec::new();
        let mut circle = Vec::new();
        self.open(set, &mut open);
        while let Some(frame) = open.last_mut() {
            let places = self.pools.places.get(frame.set).map_or(&[][..], AsRef::as_ref);
            if let Some(place) = places.get(frame.next) {
                frame.next += 1;
                let above = (self.parents)(*place);
                match self.state(above) {
                    State::New => self.open(above, &mut open),
                    State::Open => self.note_circle(above, &open, &mut circle),
                    State::Closed(_) | State::Circular => {}
                }
                continue;
            }
            let set = frame.set;
            open.pop();
            // What lies in a circle has no ancestors that could be told, whenever the circle was found.
            let in_circle = |place: &Place| self.state((self.parents)(*place)) == State::Circular;
            let closed = match circle.is_empty() && !places.iter().any(in_circle) {
                true => State::Closed(self.ancestors(places)?),
                false => State::Circular,
            };
            self.state.insert(set, closed);
        }
        match self.state(set) {
            State::Closed(number) => Ok(number),
            _ => Err(Unclosed::Circle(circle)),
        }
    }

    /// Each set of a circle holds the entity that leads on to the next.
    fn note_circle(&self, back_to: u32, open: &[Frame], circle: &mut Vec<Place>) {
        if mutant!(CirclesAreTaken) {
            return;
        }
        let from = open.iter().rposition(|frame| frame.set == back_to).unwrap_or(0);
        for frame in open.iter().skip(from) {
            let places = self.pools.places.get(frame.set).map_or(&[][..], AsRef::as_ref);
            match frame.next.checked_sub(1).and_then(|at| places.get(at)) {
                _ if circle.len() == NAMED => return,
                Some(place) if !circle.contains(place) => circle.push(*place),
                _ => {}
            }
        }
    }

    /// The parents and all that these lie in, whose ancestors are known.
    fn ancestors(&mut self, places: &[Place]) -> Result<u32, Unclosed> {
        let mut all: Vec<Place> = places.to_vec();
        self.named += places.len();
        for place in places {
            let above = (self.parents)(*place);
            if let State::Closed(number) = self.state(above)
                && !mutant!(ParentsAreForgotten)
            {
                let above = self.pools.places.get(number).map_or(&[][..], AsRef::as_ref);
                self.copied += above.len();
                if self.copied > MOST + MOST_EACH.saturating_mul(self.named) {
                    return Err(Unclosed::TooDeep);
                }
                all.extend_from_slice(above);
            }
        }
        all.sort_unstable();
        all.dedup();
        // 2³² sets are more than memory holds.
        self.pools.places(&all).ok_or(Unclosed::TooDeep)
    }

    fn open(&mut self, set: u32, open: &mut Vec<Frame>) {
        if self.state(set) == State::New {
            self.state.insert(set, State::Open);
            open.push(Frame { set, next: 0 });
        }
    }

    fn state(&self, set: u32) -> State {
        self.state.get(&set).copied().unwrap_or(State::New)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{Closing, MOST, Place, Unclosed};
    use crate::model::TypeId;
    use crate::world::Row;
    use crate::world::encode::Pools;

    /// Entities by number, and the numbers of their parents.
    fn parents(pools: &Pools, all: &BTreeMap<u32, Vec<u32>>) -> BTreeMap<u32, u32> {
        let set = |rows: &Vec<u32>| {
            let rows: BTreeSet<u32> = rows.iter().copied().collect();
            pools.places(&rows.iter().map(|&row| place(row)).collect::<Vec<_>>()).unwrap()
        };
        all.iter().map(|(&row, above)| (row, set(above))).collect()
    }

    fn place(row: u32) -> Place {
        (TypeId(0), Row(row))
    }

    /// What one lies in, found step by step.
    fn by_hand(all: &BTreeMap<u32, Vec<u32>>, from: u32) -> BTreeSet<u32> {
        let (mut seen, mut next) = (BTreeSet::new(), all[&from].clone());
        while let Some(row) = next.pop() {
            if seen.insert(row) {
                next.extend(&all[&row]);
            }
        }
        seen
    }

    #[test]
    fn ancestors_are_what_steps_lead_to_and_circles_are_found() {
        let mut random = 7_u64;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % below
        };
        let (mut circular, mut plain) = (0, 0);
        for _ in 0..2_000 {
            let size = 1 + draw(9) as u32;
            let upwards = draw(2) == 0;
            let all: BTreeMap<u32, Vec<u32>> = (0..size)
                .map(|row| {
                    let above = (0..draw(4)).map(|_| draw(u64::from(size)) as u32);
                    (row, above.filter(|&other| !upwards || other > row).collect())
                })
                .collect();
            let pools = Pools::default();
            let numbers = parents(&pools, &all);
            let mut closing = Closing::new(&pools, |(_, Row(row)): Place| numbers[&row]);
            let mut named = BTreeSet::new();
            for row in 0..size {
                match closing.close(numbers[&row]) {
                    Ok(number) => {
                        let found = pools.places.get(number).map_or(&[][..], AsRef::as_ref);
                        let found: BTreeSet<u32> = found.iter().map(|(_, row)| row.0).collect();
                        assert_eq!(found, by_hand(&all, row), "{row} in {all:?}");
                    }
                    Err(Unclosed::Circle(circle)) => named.extend(circle.iter().map(|(_, row)| row.0)),
                    Err(Unclosed::TooDeep) => panic!("{size} are not too many"),
                }
            }
            let lies_in_itself = |row: &u32| by_hand(&all, *row).contains(row);
            assert!(named.iter().all(lies_in_itself), "{named:?} in {all:?}");
            assert_eq!(named.is_empty(), !(0..size).any(|row| lies_in_itself(&row)), "{all:?}");
            if named.is_empty() { plain += 1 } else { circular += 1 }
        }
        assert!(circular > 200 && plain > 200, "{circular} and {plain}");
    }

    #[test]
    fn what_is_wide_has_no_end_and_what_is_deep_has() {
        let chain = |length: u32| -> BTreeMap<u32, Vec<u32>> {
            (0..length).map(|row| (row, if row + 1 < length { vec![row + 1] } else { vec![] })).collect()
        };
        let close = |all: &BTreeMap<u32, Vec<u32>>| {
            let pools = Pools::default();
            let numbers = parents(&pools, all);
            let mut closing = Closing::new(&pools, |(_, Row(row)): Place| numbers[&row]);
            let done = all.keys().try_for_each(|row| closing.close(numbers[row]).map(|_| ()));
            done.map(|()| closing.copied)
        };
        assert!(close(&chain(5_800)).is_ok());
        assert!(matches!(close(&chain(20_000)), Err(Unclosed::TooDeep)));
        // What is sure to be refused is refused before anything is copied, at its deepest entity.
        let deepest = |all: &BTreeMap<u32, Vec<u32>>| {
            let pools = Pools::default();
            let numbers = parents(&pools, all);
            let closing = Closing::new(&pools, |(_, Row(row)): Place| numbers[&row]);
            let found = closing.too_deep(all.keys().map(|&row| place(row)));
            assert_eq!(closing.copied, 0);
            found.map(|(_, Row(row))| row)
        };
        assert_eq!([5_800, 20_000, 200_000].map(|length| deepest(&chain(length))), [None, Some(0), Some(0)]);
        let mut circle = chain(20_000);
        circle.insert(19_999, vec![0]);
        assert_eq!(deepest(&circle), None);
        // 100,000 in the same 20 of a chain: their ancestors are found once.
        let mut wide = chain(1_000);
        wide.extend((1_000..101_000).map(|row| (row, (0..20).collect())));
        assert!(close(&wide).is_ok_and(|copied| copied < MOST));
        assert_eq!(deepest(&wide), None);
    }
}
