//! `caseward schemas`: the form of each file of TOML beside policies, as JSON Schema.

use std::collections::BTreeMap;

use caseward::FilePart;
use clap::ValueEnum;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::PolicyArgs;
use crate::output;
use crate::written::{CheckArgs, Telling};

/// Print the form of the files of TOML that go with policies, as JSON Schema (draft 2020-12).
///
/// The schema and the policies say which types, attributes, actions, policies and rules may stand there: the forms are of
/// one folder, and change with it. Editors of TOML complete and check by them; `caseward lsp` needs none.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Of which file; without it, of all, in an object by their names.
    #[arg(value_enum)]
    file: Option<File>,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    written: CheckArgs,
}

/// A file of TOML.
#[derive(Clone, Copy, ValueEnum)]
enum File {
    /// A file of cases, below `tests`.
    Cases,
    /// `fields.toml`, the catalogue of fields.
    Fields,
    /// `annotations.toml`, what annotations may name.
    Annotations,
    /// `matrix.toml`, the people and the situations of the matrix.
    Matrix,
    /// `tests/unreachable.toml`, conditions that can never decide one way.
    Unreachable,
}

impl File {
    const ALL: [(File, &'static str); 5] = [
        (File::Cases, "cases"),
        (File::Fields, "fields"),
        (File::Annotations, "annotations"),
        (File::Matrix, "matrix"),
        (File::Unreachable, "unreachable"),
    ];

    fn part(self) -> FilePart {
        match self {
            File::Cases => FilePart::Case,
            File::Fields => FilePart::Catalogue,
            File::Annotations => FilePart::Annotations,
            File::Matrix => FilePart::Matrix,
            File::Unreachable => FilePart::Unreachable,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let ward = args.policies.load()?;
    let before = args.written.read()?;
    let form = |file: File| ward.json_schema(file.part()).unwrap_or_default();
    let all = match args.file {
        Some(file) => form(file),
        None => {
            let all: BTreeMap<&str, _> = File::ALL.map(|(file, name)| (name, form(file))).into();
            serde_json::json!(all)
        }
    };
    let text = serde_json::to_string_pretty(&all).map_err(|error| Failure::other(error.to_string()))? + "\n";
    match before {
        None => output::print(&text).map(|()| Exit::Success),
        Some(before) => {
            let what = "is not what the policies say: write it anew";
            before.compare(&text, &Telling { context: 2, what, exit: Exit::Unmet })
        }
    }
}
