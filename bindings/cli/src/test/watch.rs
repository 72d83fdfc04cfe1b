//! `caseward test --watch`: the cases again whenever policies or cases change.
//!
//! It looks at names, lengths and times, several times a second: that works on every system and every disk that is
//! mounted from elsewhere, and some hundred files cost nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use caseward::files::{self, Kind, Step};

use crate::cases::CaseArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::terminal::{Terminal, note};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(200);

/// What policies and cases are made of, as it lies on the disk; or why that cannot be told.
type State = BTreeMap<PathBuf, Result<(u64, Option<SystemTime>), String>>;

/// Runs `test` at once, and after each change, until nobody reads any more.
pub(super) fn watch(
    args: &CaseArgs,
    terminal: &Terminal,
    mut test: impl FnMut() -> Result<Exit, Failure>,
) -> Exit {
    loop {
        // Before the run: what changes during it has it run again.
        let before = state(args);
        let exit = test().unwrap_or_else(|failure| failure.show(terminal));
        if !output::is_open() {
            return exit;
        }
        note("waiting for a change of policies or cases; Ctrl-C ends it");
        changed(args, before);
    }
}

/// Waits until something is otherwise than before, and stays so: editors write in several steps.
fn changed(args: &CaseArgs, before: State) {
    let mut last = before.clone();
    loop {
        sleep(EVERY);
        let now = state(args);
        if now == last && now != before {
            return;
        }
        last = now;
    }
}

fn state(args: &CaseArgs) -> State {
    let mut state = State::new();
    let folder = args.policies.folder().map(Path::to_path_buf);
    for path in folder.into_iter().chain(args.paths()) {
        let found = match path.is_dir() {
            true => files::walk(&path, &mut |name, kind| Ok(step(name, kind))),
            false => Ok(vec![files::Found { name: String::new(), path: path.clone() }]),
        };
        match found {
            Ok(found) => {
                let about = |path: &Path| {
                    let about = fs::metadata(path).map_err(|error| error.to_string())?;
                    Ok((about.len(), about.modified().ok()))
                };
                state.extend(found.into_iter().map(|found| (found.path.clone(), about(&found.path))));
            }
            Err(why) => {
                state.insert(path, Err(why.to_string()));
            }
        }
    }
    state
}

fn step(name: &str, kind: Kind) -> Step {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match kind {
        Kind::Folder if name != "target" => Step::Take,
        Kind::File if ["cedar", "cedarschema", "toml", "json"].contains(&ending) => Step::Take,
        _ => Step::Leave,
    }
}
