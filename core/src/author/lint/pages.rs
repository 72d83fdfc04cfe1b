//! Pages that are made from the policies and kept beside them.

use super::{File, Finding, Lint, Looked};

/// A page that is kept beside the policies, and what it would be if it were made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The file, below the policy folder.
    pub name: String,
    /// What it says.
    pub kept: String,
    /// What it would say.
    pub made: String,
    /// The command that makes it anew.
    pub command: String,
}

pub(super) fn stale(looked: &Looked<'_>) -> Vec<Finding> {
    let stale = looked.subject.pages.iter().filter(|page| page.kept != page.made);
    let found = stale.map(|page| {
        let (kept, made) = (page.kept.lines(), page.made.lines());
        let same = kept.zip(made).take_while(|(kept, made)| kept == made).count();
        let start: usize = page.kept.split_inclusive('\n').take(same).map(str::len).sum();
        let line = page.kept.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let message = "the page is not what would be made of the policies now".to_owned();
        let span = Some(start..start + line.len());
        Finding::new(Lint::StalePage, File { name: &page.name, text: &page.kept }, span, message)
            .help(format!("`{}` makes it anew", page.command))
    });
    found.collect()
}
