//! `caseward test --accept`: what decides now, written into the cases that name something else.

use std::io::Write as _;
use std::path::Path;

use caseward::Source;
use caseward::author::Accepted;

use crate::cases::{self, CaseArgs};
use crate::failure::{Failure, counted, printable};
use crate::input;
use crate::replace::Replacement;
use crate::terminal::say;

/// Rewrites the files of cases, and says each expectation that changed and each case that was left.
pub(super) fn accept(args: &CaseArgs) -> Result<(), Failure> {
    let ward = args.policies.load()?;
    let (mut changed, mut left) = (0, 0);
    for found in args.found()? {
        let path = found.path.as_path();
        let text = input::text(path, input::MAX_WRITTEN)?;
        let read = found.accept_text(&ward, &text);
        let of =
            |error| Failure::Cases(cases::reports(&error, &Source::new(path.display().to_string(), &*text)));
        let accepted = read.map_err(of)?;
        if !accepted.changes.is_empty() {
            write(path, &accepted.text)?;
        }
        tell(path, &text, &accepted);
        changed += accepted.changes.len();
        left += accepted.left.len();
    }
    say(&format!("{} accepted, {} left as they are", counted(changed, "expectation"), counted(left, "case")));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let refuse = |e: std::io::Error| Failure::file("write", input::name(path), &e);
    let mut file = Replacement::in_place(path).map_err(refuse)?;
    file.writer().write_all(text.as_bytes()).map_err(refuse)?;
    file.commit().map_err(refuse)
}

fn tell(path: &Path, text: &str, accepted: &Accepted) {
    let place = |at: usize| {
        let line = 1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count();
        format!("{}:{line}", printable(&path.display().to_string()))
    };
    for change in &accepted.changes {
        let (case, what) = (printable(&change.case), change.what);
        let names = format!("{} for {}", change.to, change.from);
        say(&format!("{}: accepted: `{case}`: {what}: {}", place(change.at), printable(&names)));
    }
    for left in &accepted.left {
        say(&format!("{}: left: `{}`: {}", place(left.at), printable(&left.case), printable(&left.why)));
    }
}
