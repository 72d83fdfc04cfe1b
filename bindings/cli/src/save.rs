//! Writing worlds, whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use caseward::World;

use crate::failure::Failure;
use crate::replace::Replacement;
use crate::terminal::Terminal;
use crate::{input, output, progress};

/// What a world is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Cedar's entities JSON.
    Json,
    Snapshot,
}

impl Form {
    fn write(self, world: &World, mut out: impl Write) -> io::Result<()> {
        match self {
            Form::Json => world.write_json(&mut out)?,
            Form::Snapshot => world.write_snapshot(&mut out)?,
        }
        out.flush()
    }
}

/// A place for a world: begun before the world is made, which can take long, so that a wrong path is told at
/// once.
pub(crate) struct Save {
    path: PathBuf,
    /// `None` for standard output.
    file: Option<Replacement>,
}

impl Save {
    pub(crate) fn begin(path: &Path) -> Result<Self, Failure> {
        let file = match input::is_dash(path) {
            true => None,
            false => Some(Replacement::begin(path).map_err(|e| refused(path, &e))?),
        };
        Ok(Save { path: path.to_owned(), file })
    }

    pub(crate) fn write(self, world: &World, form: Form, terminal: &Terminal) -> Result<(), Failure> {
        let spinner = progress::spinner(terminal, "writing");
        let written = match self.file {
            Some(mut file) => {
                let written = form.write(world, file.writer()).and_then(|()| file.commit());
                written.map_err(|e| refused(&self.path, &e))
            }
            None => match form {
                Form::Json => form.write(world, output::json()),
                Form::Snapshot => form.write(world, output::stdout()),
            }
            .map_err(|e| Failure::output(&e)),
        };
        spinner.finish_and_clear();
        written
    }
}

fn refused(path: &Path, why: &io::Error) -> Failure {
    Failure::file("write", input::name(path), why)
}
