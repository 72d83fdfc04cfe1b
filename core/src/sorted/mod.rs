//! Lists in the order of what records say, and with conditions on it; page by page.
//!
//! Where there are few records their places in the order are looked up; where there are many, the order is gone along until
//! a page is full. Either way a page is not the work of the whole list.
//!
//! INVARIANT: what records are sorted and filtered by is what the person may see of every one of them, before any is left
//! out; and a record is found by what the person may see of it alone.

mod listing;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use roaring::RoaringBitmap;
use serde::ser::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::decide::Asker;
use crate::engine::Engine;
use crate::model::context::Fields;
use crate::model::sealed::Sealed;
use crate::model::{EntityUid, Error, Provenance, TypeId};
use crate::view::Onlooker;
use crate::visible::{Open, Search, of_another_world};
use crate::world::order::{Order, Texts};
use crate::world::{Row, World};
pub use listing::Listing;
use listing::Resolved;

/// The entities of one type to which a person may do something, in the order of a [`Listing`], at one version of the data.
///
/// It stays what it is when the data changes.
#[derive(Clone)]
pub struct Sorted {
    world: World,
    ty: TypeId,
    rows: RoaringBitmap,
    order: Option<(Arc<Order>, bool)>,
    /// What names the question.
    digest: u64,
    provenance: Provenance,
}

/// A part of a list in an order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SortedPage {
    /// The entities, in the list's order.
    pub entities: Vec<EntityUid>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<SortedCursor>,
}

carried!(struct SortedPage { entities, next });

/// A place in a list that is in an order: behind the last entity of a page, where that was then.
///
/// It goes with its question, its policies and its world. The next page is exact for the data as it is then. Over all pages
/// whatever was listed throughout comes exactly once: where an entity of the list came past the place since, so that it
/// would come twice or never, the cursor is refused, and the list is to be begun anew. As text it is sealed: it tells nothing of
/// values, nor of how many entities there are that the person may not know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortedCursor {
    at: Sealed<20>,
}

carried!(struct SortedCursor { at });

/// What a cursor says to the world that sealed it.
#[derive(Clone, Copy)]
struct At {
    /// The question and its policies.
    digest: u64,
    /// When the order was made that the place is of.
    moment: u64,
    /// The last row that was listed.
    last: u32,
}

impl At {
    fn seal(self, epoch: u64) -> SortedCursor {
        let mut bytes = [0; 20];
        let parts = self.digest.to_le_bytes().into_iter().chain(self.moment.to_le_bytes());
        bytes.iter_mut().zip(parts.chain(self.last.to_le_bytes())).for_each(|(byte, part)| *byte = part);
        SortedCursor { at: Sealed::new(epoch, bytes) }
    }

    fn open(cursor: SortedCursor, epoch: u64) -> Option<Self> {
        let bytes = cursor.at.open(epoch)?;
        let (digest, rest) = bytes.split_first_chunk()?;
        let (moment, last) = rest.split_first_chunk()?;
        let last = u32::from_le_bytes(last.try_into().ok()?);
        Some(At { digest: u64::from_le_bytes(*digest), moment: u64::from_le_bytes(*moment), last })
    }
}

/// Who asks for what.
pub(crate) struct Question<'a> {
    pub(crate) principal: &'a EntityUid,
    pub(crate) action: &'a str,
    pub(crate) of: &'a str,
    pub(crate) context: &'a Fields,
}

impl Engine {
    pub(crate) fn sorted(
        &self,
        world: &World,
        question: &Question<'_>,
        listing: &Listing,
        texts: Option<&Texts>,
    ) -> Result<Sorted, Error> {
        let Question { principal, action, of, context } = *question;
        let ty = self.schema().known_type(of)?;
        self.belongs_to(world)?;
        let resolved = Resolved::new(self, world, ty, (listing, texts))?;
        let orders = resolved.order.iter().map(|(by, _)| by);
        orders.chain(resolved.filters.iter().map(|(by, _)| by)).for_each(|by| world.prepare_order(by, texts));
        let digest = self.digest(question, listing);
        world.undisturbed(|| {
            let (asker, version) =
                world.consistent(|| self.examine_asker(world, principal, action, of, context));
            let Asker { action, principal: known, absent } = asker?;
            let (rows, version) = match known {
                Some(known) if absent.is_empty() => {
                    let search = Search { open: Open::Resource, known, action, ty, context };
                    self.find(world, &search, |rows, _| rows)?
                }
                _ => (RoaringBitmap::new(), version),
            };
            let listed_by = Some(action.place);
            let onlooker = Onlooker { world, principal, context, rows: &rows, version, listed_by };
            let kept = match &resolved.found {
                Some(found) => {
                    let mut kept = RoaringBitmap::new();
                    for (needs, way, those) in found {
                        let Some(shown) = self.shown_of(needs, &onlooker)? else { return Ok(None) };
                        kept |= onlooker.leading_to(&shown, way, those);
                    }
                    kept
                }
                None => rows.clone(),
            };
            let onlooker = Onlooker { rows: &kept, ..onlooker };
            if !self.require(&resolved.needs, &onlooker)? {
                return Ok(None);
            }
            let _still = world.still();
            if world.version() != version {
                return Ok(None);
            }
            let mut kept = kept;
            for (by, range) in &resolved.filters {
                let order = world.order(by, texts);
                kept = within(&kept, &order, order.places_of(range, world));
            }
            let order = resolved.order.as_ref().map(|(by, descending)| (world.order(by, texts), *descending));
            let provenance = self.provenance(version, context);
            Ok(Some(Sorted { world: world.clone(), ty, rows: kept, order, digest, provenance }))
        })
    }

    /// What names a question but for its `now`, which goes on between pages.
    fn digest(&self, question: &Question<'_>, listing: &Listing) -> u64 {
        let Question { principal, action, of, context } = question;
        let context: Vec<_> = context.iter().filter(|(name, _)| &***name != "now").collect();
        let text = format!("{}\n{principal}\n{action}\n{of}\n{context:?}\n{listing}", self.policy_hash());
        let bytes = Sha256::digest(text.as_bytes());
        bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// Those of the rows whose places are in a range.
fn within(rows: &RoaringBitmap, order: &Order, range: std::ops::Range<u32>) -> RoaringBitmap {
    if rows.len() <= u64::from(range.end.saturating_sub(range.start)) {
        return rows.iter().filter(|row| range.contains(&order.place(*row, false))).collect();
    }
    range.filter_map(|place| order.row(place, false)).filter(|row| rows.contains(*row)).collect()
}

impl Sorted {
    /// How many entities these are.
    pub fn len(&self) -> usize {
        usize::try_from(self.rows.len()).unwrap_or(usize::MAX)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = EntityUid> + '_ {
        let rows = match &self.order {
            None => self.rows.iter().collect(),
            Some((order, descending)) => {
                let mut places: Vec<u32> =
                    self.rows.iter().map(|row| order.place(row, *descending)).collect();
                places.sort_unstable();
                places.into_iter().filter_map(|place| order.row(place, *descending)).collect::<Vec<u32>>()
            }
        };
        self.world.uids(self.ty, rows)
    }

    /// Only those of its entities that `keep` keeps. Its cursors stay those of its question.
    #[must_use]
    pub fn only(mut self, mut keep: impl FnMut(&EntityUid) -> bool) -> Sorted {
        let rows = self.rows.iter().filter(|row| keep(&self.world.uid((self.ty, Row(*row))))).collect();
        self.rows = rows;
        self
    }

    /// Up to `most` entities behind `cursor`, or the first ones; one at least.
    ///
    /// Cost: that of a look at each entity of the list, or at as many of the order as it takes to fill the page, whichever
    /// is less.
    ///
    /// # Errors
    /// [`Error::is_request`] for `most` 0; for a cursor of another question, other policies or another world; for one past
    /// which an entity of the list came, and one that is older than is known about: begin anew.
    pub fn page(&self, cursor: Option<SortedCursor>, most: usize) -> Result<SortedPage, Error> {
        if most == 0 {
            return Err(Error::request("a page has one record at least"));
        }
        let open = |cursor| At::open(cursor, self.world.epoch()).ok_or_else(of_another_world);
        let cursor = cursor.map(open).transpose()?;
        if cursor.is_some_and(|cursor| cursor.digest != self.digest) {
            return Err(Error::request("the cursor is of another question, or of other policies"));
        }
        let behind = match &self.order {
            None => {
                let last = cursor.map_or(0, |cursor| cursor.last);
                let range = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
                self.rows.range(range).take(most.saturating_add(1)).collect()
            }
            Some((order, descending)) => self.behind(order, *descending, cursor, most)?,
        };
        let rows = behind.get(..most.min(behind.len())).unwrap_or_default();
        let moment = self.order.as_ref().map_or(0, |(order, _)| order.moment());
        let next = rows.last().filter(|_| behind.len() > most);
        let next = next.map(|&last| At { digest: self.digest, moment, last }.seal(self.world.epoch()));
        let entities = self.world.uids(self.ty, rows.iter().copied()).collect();
        Ok(SortedPage { entities, next })
    }

    /// The rows behind a cursor: one more than a page holds, where there are as many.
    fn behind(
        &self,
        order: &Order,
        descending: bool,
        cursor: Option<At>,
        most: usize,
    ) -> Result<Vec<u32>, Error> {
        let from = match cursor {
            None => 0,
            Some(At { last, moment, .. }) => {
                let listed = |row| self.rows.contains(row);
                order.behind(&self.world, (last, moment), descending, listed).ok_or_else(|| {
                    Error::request("records came past the cursor since it was given: list anew")
                })?
            }
        };
        let wanted = most.saturating_add(1);
        // Along the order one record in so many is of the list.
        let along = u64::from(order.len()) / self.rows.len().max(1);
        if along.saturating_mul(wanted as u64) < self.rows.len() {
            let rows = (from..order.len()).filter_map(|place| order.row(place, descending));
            return Ok(rows.filter(|row| self.rows.contains(*row)).take(wanted).collect());
        }
        let places = self.rows.iter().map(|row| order.place(row, descending));
        let mut places: Vec<u32> = places.filter(|place| *place >= from).collect();
        if places.len() > wanted {
            places.select_nth_unstable(most);
            places.truncate(wanted);
        }
        places.sort_unstable();
        Ok(places.into_iter().filter_map(|place| order.row(place, descending)).collect())
    }

    /// What it was made from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}

impl fmt::Debug for Sorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sorted {{ {} records, version: {} }}", self.len(), self.provenance.version)
    }
}

impl fmt::Display for SortedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)
    }
}

impl Serialize for SortedCursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for SortedCursor {
    type Err = Error;

    /// # Errors
    /// [`Error::is_request`] for a text that is no cursor.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(SortedCursor { at: text.parse()? })
    }
}
