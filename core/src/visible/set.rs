//! Sets of rows while a list is found: lists where they are small, borrowed bitmaps where an index has them.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use crate::world::index::Posting;

/// Rows up to which a set is looked at one by one.
pub(super) const FEW: usize = 64;

/// A set of rows of one type.
#[derive(Clone, Debug)]
pub(super) enum Set<'a> {
    /// Ascending.
    Few(Cow<'a, [u32]>),
    Bitmap(Cow<'a, RoaringBitmap>),
}

impl<'a> Set<'a> {
    pub(super) const EMPTY: Set<'a> = Set::Few(Cow::Borrowed(&[]));

    pub(super) fn of(posting: &'a Posting) -> Self {
        match posting.rows() {
            Ok(rows) => Set::Few(Cow::Borrowed(rows)),
            Err(rows) => Set::Bitmap(Cow::Borrowed(rows)),
        }
    }

    /// The set of rows that ascend; each once.
    pub(super) fn of_rows(rows: Vec<u32>) -> Self {
        if rows.len() <= FEW {
            return Set::Few(Cow::Owned(rows));
        }
        Set::Bitmap(Cow::Owned(RoaringBitmap::from_sorted_iter(rows).unwrap_or_default()))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Set::Few(rows) => rows.len(),
            Set::Bitmap(rows) => usize::try_from(rows.len()).unwrap_or(usize::MAX),
        }
    }

    /// Whether it is a list, which is faster to walk than to bring together with another set.
    pub(super) fn is_listed(&self) -> bool {
        matches!(self, Set::Few(_))
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Set::Few(rows) => rows.is_empty(),
            Set::Bitmap(rows) => rows.is_empty(),
        }
    }

    pub(super) fn contains(&self, row: u32) -> bool {
        match self {
            Set::Few(rows) => rows.binary_search(&row).is_ok(),
            Set::Bitmap(rows) => rows.contains(row),
        }
    }

    /// Those rows for which `keep` holds.
    pub(super) fn filter(&self, mut keep: impl FnMut(u32) -> bool) -> Set<'a> {
        match self {
            Set::Few(rows) => {
                let kept: Vec<u32> = rows.iter().copied().filter(|&row| keep(row)).collect();
                Set::Few(Cow::Owned(kept))
            }
            Set::Bitmap(rows) => {
                let mut kept = RoaringBitmap::new();
                for row in rows.iter().filter(|&row| keep(row)) {
                    kept.insert(row);
                }
                Set::Bitmap(Cow::Owned(kept)).small()
            }
        }
    }

    pub(super) fn and(&self, other: &Set<'a>) -> Set<'a> {
        match (self, other) {
            (few @ Set::Few(_), other) | (other, few @ Set::Few(_)) => few.filter(|row| other.contains(row)),
            (Set::Bitmap(all), Set::Bitmap(with)) => {
                Set::Bitmap(Cow::Owned(all.as_ref() & with.as_ref())).small()
            }
        }
    }

    pub(super) fn or(self, other: Set<'a>) -> Set<'a> {
        match (self, other) {
            (a, b) if a.is_empty() => b,
            (a, b) if b.is_empty() => a,
            (Set::Few(a), Set::Few(b)) => Set::Few(Cow::Owned(merged(&a, &b))),
            (Set::Few(few), Set::Bitmap(all)) | (Set::Bitmap(all), Set::Few(few)) => {
                let mut all = all.into_owned();
                all.extend(few.iter().copied());
                Set::Bitmap(Cow::Owned(all))
            }
            (Set::Bitmap(Cow::Owned(mut a)), Set::Bitmap(b))
            | (Set::Bitmap(b), Set::Bitmap(Cow::Owned(mut a))) => {
                a |= b.as_ref();
                Set::Bitmap(Cow::Owned(a))
            }
            (Set::Bitmap(a), Set::Bitmap(b)) => Set::Bitmap(Cow::Owned(a.as_ref() | b.as_ref())),
        }
    }

    pub(super) fn without(self, other: &Set<'a>) -> Set<'a> {
        match (self, other) {
            (all, other) if other.is_empty() => all,
            (Set::Few(rows), other) => Set::Few(rows).filter(|row| !other.contains(row)),
            (Set::Bitmap(all), Set::Few(rows)) => {
                let mut all = all.into_owned();
                rows.iter().for_each(|&row| {
                    all.remove(row);
                });
                Set::Bitmap(Cow::Owned(all)).small()
            }
            (Set::Bitmap(Cow::Owned(mut all)), Set::Bitmap(with)) => {
                all -= with.as_ref();
                Set::Bitmap(Cow::Owned(all)).small()
            }
            (Set::Bitmap(Cow::Borrowed(all)), Set::Bitmap(with)) => {
                Set::Bitmap(Cow::Owned(all - with.as_ref())).small()
            }
        }
    }

    /// The same set as a list, where it has become small.
    fn small(self) -> Set<'a> {
        match self {
            Set::Bitmap(rows) if rows.len() <= FEW as u64 => Set::Few(rows.iter().collect()),
            set => set,
        }
    }

    pub(super) fn into_bitmap(self) -> RoaringBitmap {
        match self {
            Set::Few(rows) => RoaringBitmap::from_sorted_iter(rows.iter().copied()).unwrap_or_default(),
            Set::Bitmap(rows) => rows.into_owned(),
        }
    }
}

/// The union of two ascending lists.
fn merged(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut all = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x < y => a.next(),
            (Some(x), Some(y)) if x == y => {
                b.next();
                a.next()
            }
            (_, Some(_)) => b.next(),
            _ => a.next(),
        };
        match next {
            Some(row) => all.push(row),
            None => return all,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Set;
    use crate::world::index::Posting;

    fn posting(rows: &BTreeSet<u32>) -> Posting {
        let mut posting = Posting::default();
        rows.iter().for_each(|&row| posting.insert(row));
        posting
    }

    /// The even rows, in memory of their own.
    fn own<'a>(set: &Set<'a>) -> Set<'a> {
        set.filter(|row| row % 2 == 0).and(set)
    }

    #[test]
    fn sets_are_sets_whatever_their_form() {
        let sets: Vec<BTreeSet<u32>> = [(0, 1), (2, 7), (40, 3), (90, 2), (300, 1), (300, 5)]
            .iter()
            .map(|&(len, step)| (0..len).map(|n| n * step + 10).collect())
            .collect();
        let postings: Vec<Posting> = sets.iter().map(posting).collect();
        let rows = |set: Set<'_>| set.into_bitmap().iter().collect::<BTreeSet<u32>>();
        for (a, x) in postings.iter().zip(&sets) {
            for (b, y) in postings.iter().zip(&sets) {
                let (a, b) = (Set::of(a), Set::of(b));
                assert_eq!(rows(a.and(&b)), x & y);
                assert_eq!(rows(a.clone().or(b.clone())), x | y);
                assert_eq!(rows(a.clone().without(&b)), x - y);
                // Owned ones too.
                let (even, odd): (BTreeSet<u32>, BTreeSet<u32>) = x.iter().partition(|row| *row % 2 == 0);
                assert_eq!(rows(own(&a)), even);
                assert_eq!(rows(own(&a).or(b.clone())), &even | y);
                assert_eq!(rows(own(&a).without(&b)), &even - y);
                assert_eq!(rows(a.clone().without(&own(&a))), odd);
                assert_eq!(a.len(), x.len());
            }
        }
    }
}
