//! `caseward fmt`: policies in Cedar's standard layout.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use caseward::files::{self, Kind, Step};
use caseward::{Source, format};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::replace::Replacement;
use crate::report::{Report, draw_all};
use crate::terminal::{Terminal, say};
use crate::{input, output};

/// Lay out policies in Cedar's standard way, comments kept.
///
/// Files are changed in place; `-` goes from standard input to standard output.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, folders whose `.cedar` files are meant, or `-`. A folder without any is an error.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Change nothing; name the files that would change and end with exit code 1.
    #[arg(long)]
    check: bool,
}

/// What became of one text.
enum Outcome {
    Same,
    Changed,
    Refused,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut files = Vec::new();
    for path in &args.paths {
        if !input::is_dash(path) && path.is_dir() {
            let found = walk(path)?;
            // A folder that was mistyped, or is not checked out, would be in the standard layout for ever.
            if found.is_empty() {
                return Err(Failure::other(format!("there is no `.cedar` file below {}", input::name(path))));
            }
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    let (mut refused, mut failed) = (false, false);
    for file in &files {
        match lay_out(file, args.check, terminal) {
            Ok(Outcome::Same) => {}
            Ok(Outcome::Changed) => failed |= args.check,
            Ok(Outcome::Refused) => refused = true,
            // One file that cannot be read keeps no other from being laid out.
            Err(failure) => {
                failure.show(terminal);
                failed = true;
            }
        }
    }
    Ok(match (refused, failed) {
        (true, _) => Exit::Invalid,
        (false, true) => Exit::Failure,
        (false, false) => Exit::Success,
    })
}

fn lay_out(file: &Path, check: bool, terminal: &Terminal) -> Result<Outcome, Failure> {
    let text = input::text(file, input::MAX_WRITTEN)?;
    let source = Source::new(file.display().to_string(), text);
    let laid_out = match format(&source) {
        Ok(laid_out) => laid_out,
        Err(error) => {
            let reports: Vec<Report> =
                error.problems().iter().map(|p| Report::in_text(p, &source, &source.name)).collect();
            draw_all(&reports, terminal);
            say(&format!("error: {} is left as it is", input::name(file)));
            return Ok(Outcome::Refused);
        }
    };
    let changed = laid_out != *source.text;
    if check {
        if changed {
            say(&format!("{} is not in the standard layout", input::name(file)));
        }
    } else if input::is_dash(file) {
        // To a program as it is, comments in any script included; to a person as all text is shown.
        match std::io::stdout().is_terminal() {
            true => output::print(&laid_out)?,
            false => output::exactly(&laid_out)?,
        }
    } else if changed {
        write(file, &laid_out).map_err(|e| Failure::file("write", input::name(file), &e))?;
    }
    Ok(if changed { Outcome::Changed } else { Outcome::Same })
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut replacement = Replacement::in_place(file)?;
    replacement.writer().write_all(text.as_bytes())?;
    replacement.commit()
}

/// Every `.cedar` file below `folder`, in order.
pub(crate) fn walk(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let found = files::walk(folder, &mut |name, kind| {
        let is_wanted = kind == Kind::Folder || kind == Kind::File && name.ends_with(".cedar");
        Ok(if is_wanted { Step::Take } else { Step::Leave })
    })?;
    Ok(found.into_iter().map(|found| found.path).collect())
}
