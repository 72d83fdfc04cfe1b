//! In which order records are listed, and which of them, from flags.

use caseward::Listing;

use crate::failure::Failure;

/// The order of a list, and its conditions.
#[derive(clap::Args)]
pub(crate) struct ListingArgs {
    /// In the order of a field, such as openedAt, student.yearLevel or, of a store, student.name. What has no value is last.
    #[arg(long, value_name = "FIELD")]
    sort: Option<String>,
    /// The other way round; what has no value stays last.
    #[arg(long, requires = "sort")]
    desc: bool,
    /// Only records of which it is so: `status=open`, `openedAt>=2026-02-16T00:00:00+13:00`, `openedAt<…`, `caseManager=` where
    /// there is none. It may be given several times, and all must be so.
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Only records of which a text begins so: `student.name=nga`. Content is compared without case and macrons.
    #[arg(long, value_name = "FIELD=TEXT")]
    prefix: Vec<String>,
}

impl ListingArgs {
    /// What is asked for; `None` for all records as they come.
    pub(crate) fn listing(&self) -> Result<Option<Listing>, Failure> {
        if self.sort.is_none() && self.conditions.is_empty() && self.prefix.is_empty() {
            return Ok(None);
        }
        let mut listing = Listing::new();
        if let Some(sort) = &self.sort {
            listing = listing.by(sort.as_str());
        }
        if self.desc {
            listing = listing.descending();
        }
        for condition in &self.conditions {
            listing = listing.only_where(condition)?;
        }
        for prefix in &self.prefix {
            listing = match prefix.split_once('=') {
                Some((path, text)) if !path.is_empty() && !text.is_empty() => listing.beginning(path, text),
                _ => {
                    let why = format!("--prefix: `{prefix}` is not FIELD=TEXT, such as `student.name=nga`");
                    return Err(Failure::other(why));
                }
            };
        }
        Ok(Some(listing))
    }
}
