//! Decisions on the rows of a frame.

use arrow_array::BooleanArray;
use caseward::{Context, Decider, Prepared, Provenance, RequestEnvironment, Ward, World};

use crate::error::Error;
use crate::text::Column;

/// Rows that are decided together.
const BLOCK: usize = 8_192;
/// How often it begins anew where a batch of changes comes in, before it has batches wait.
const TRIES: usize = 4;

/// Who asks, or what is asked for: one entity by its id, or one a row.
#[derive(Clone, Debug)]
pub enum Side {
    /// The same for every row.
    One(String),
    /// A column of ids.
    Column(Column),
}

/// A question that is asked of many rows.
#[derive(Clone, Copy, Debug)]
pub struct Masking<'a> {
    /// The policies.
    pub ward: &'a Ward,
    /// The data.
    pub world: &'a World,
    /// The types of both sides, and the action.
    pub environment: &'a RequestEnvironment,
    /// The circumstances.
    pub context: &'a Context,
}

/// Whether each row is allowed, all of one version of the data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mask {
    /// For each row whether it is allowed: never null, and false for a null id and for an id that is not in the data.
    pub allowed: Vec<bool>,
    /// What it was made from.
    pub provenance: Provenance,
}

impl Mask {
    /// The mask as Arrow's array.
    pub fn to_array(&self) -> BooleanArray {
        BooleanArray::from(self.allowed.clone())
    }
}

impl Masking<'_> {
    /// Decides every row: `Ward::check`'s decision for each, null and unknown ids denied.
    ///
    /// Batches of changes wait for some thousands of rows at most. Where one comes in meanwhile, all is decided anew, and
    /// at last at once.
    ///
    /// # Errors
    /// [`Error::Frame`] for columns of two lengths. [`Error::Caseward`] as `Ward::decider` and `Decider::prepare`, and
    /// where it is interrupted.
    pub fn mask(&self, principals: &Side, resources: &Side) -> Result<Mask, Error> {
        let rows = rows(principals, resources)?;
        let decider = self.ward.decider(self.world, self.environment)?;
        let context = decider.prepare(self.context)?;
        let run = Run { decider: &decider, context: &context, principals, resources, rows };
        for _ in 0..TRIES {
            if let Some(mask) = run.decided(BLOCK)? {
                return Ok(mask);
            }
        }
        // One block is of one version, however many come in.
        run.decided(rows.max(1))?.ok_or(Error::Changed)
    }
}

/// How many rows two sides have.
fn rows(principals: &Side, resources: &Side) -> Result<usize, Error> {
    match (principals, resources) {
        (Side::One(_), Side::One(_)) => Ok(1),
        (Side::One(_), Side::Column(column)) | (Side::Column(column), Side::One(_)) => Ok(column.len()),
        (Side::Column(from), Side::Column(to)) if from.len() == to.len() => Ok(to.len()),
        (Side::Column(from), Side::Column(to)) => Err(Error::frame(format!(
            "column `{}` has {} rows, and `{}` has {}",
            from.name(),
            from.len(),
            to.name(),
            to.len()
        ))),
    }
}

struct Run<'a> {
    decider: &'a Decider,
    context: &'a Prepared,
    principals: &'a Side,
    resources: &'a Side,
    rows: usize,
}

impl Run<'_> {
    /// All rows, in blocks; `None` where two blocks are of two versions of the data.
    fn decided(&self, block: usize) -> Result<Option<Mask>, Error> {
        let (mut from, mut to) = (Feed::of(self.principals, block), Feed::of(self.resources, block));
        let mut allowed = Vec::with_capacity(self.rows);
        let mut made_from: Option<Provenance> = None;
        loop {
            let most = block.min(self.rows - allowed.len());
            // Nothing at all is decided once: the answer says what it was made from.
            if most == 0 && made_from.is_some() {
                break;
            }
            let (principals, resources) = (from.next(most), to.next(most));
            let provenance = self.block((principals, resources), &mut allowed)?;
            if made_from.as_ref().is_some_and(|first| first.version != provenance.version) {
                return Ok(None);
            }
            made_from = Some(provenance);
        }
        Ok(made_from.map(|provenance| Mask { allowed, provenance }))
    }

    fn block(
        &self,
        (principals, resources): (&[Option<&str>], &[Option<&str>]),
        allowed: &mut Vec<bool>,
    ) -> Result<Provenance, Error> {
        let pairs = principals.iter().zip(resources).filter_map(|pair| match pair {
            (Some(principal), Some(resource)) => Some((*principal, *resource)),
            _ => None,
        });
        let (from, to): (Vec<&str>, Vec<&str>) = pairs.unzip();
        let decided = self.decider.decide_ids(&from, &to, self.context)?;
        if from.len() == principals.len() {
            allowed.extend(decided.allowed);
        } else {
            // What is null was not asked for, and is denied.
            let mut decided_in_order = decided.allowed.into_iter();
            let is_whole =
                principals.iter().zip(resources).map(|(one, other)| one.is_some() && other.is_some());
            allowed.extend(is_whole.map(|whole| whole && decided_in_order.next().unwrap_or(false)));
        }
        Ok(decided.provenance)
    }
}

/// One side, block by block.
enum Feed<'a> {
    One(&'a str, Vec<Option<&'a str>>),
    Column(crate::text::Blocks<'a>, Vec<Option<&'a str>>),
}

impl<'a> Feed<'a> {
    fn of(side: &'a Side, block: usize) -> Self {
        match side {
            Side::One(id) => Feed::One(id, Vec::new()),
            Side::Column(column) => Feed::Column(column.blocks(block), Vec::new()),
        }
    }

    fn next(&mut self, most: usize) -> &[Option<&'a str>] {
        match self {
            Feed::One(id, rows) => {
                rows.resize(most, Some(*id));
                rows
            }
            Feed::Column(blocks, rows) => {
                blocks.fill(rows, most);
                rows
            }
        }
    }
}
