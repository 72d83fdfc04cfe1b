//! `caseward matrix`: every role, action and situation with its decision.

use std::path::Path;

use caseward::matrix::Matrix;
use caseward::{Source, Ward, attendance};

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::PolicyArgs;
use crate::report::Report;
use crate::terminal::Terminal;
use crate::written::{CheckArgs, Telling};
use crate::{input, output, progress};

/// The matrix in a policy folder.
pub(crate) const FILE: &str = "matrix.out";
/// What every matrix says that was made here.
pub(crate) const MADE: &str = "Made by `caseward matrix`";

/// Print the matrix of decisions: role × action × situation.
///
/// The people and the situations are those of `matrix.toml` in the folder of policies.
///
/// With --check the matrix is compared with a file, and every difference ends with exit code 4.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    written: CheckArgs,
    /// How to answer; a comparison is of the text alone.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The matrix of a folder's people and situations; of those that come with the command, where it has none and its schema
/// takes them; `None` where it does not.
pub(crate) fn decide(folder: Option<&Path>, ward: &Ward) -> Result<Option<Matrix>, Failure> {
    let Some(folder) = folder else { return Ok(Some(attendance::matrix(ward)?)) };
    let file = folder.join(Matrix::FILE);
    if !input::is_there(&file)? {
        return Ok(attendance::matrix(ward).ok());
    }
    let source = Source::new(file.display().to_string(), input::text(&file, input::MAX_WRITTEN)?);
    let read = Matrix::read(ward, &source).map_err(|error| {
        let of = |problem| Report::in_text(problem, &source, &source.name);
        Failure::Cases(error.problems().iter().map(of).collect())
    });
    read.map(Some)
}

/// As [`decide`], where there has to be one.
pub(crate) fn decided(folder: Option<&Path>, ward: &Ward) -> Result<Matrix, Failure> {
    decide(folder, ward)?.ok_or_else(|| missing(folder))
}

/// Why there is none.
pub(crate) fn missing(folder: Option<&Path>) -> Failure {
    let file = folder.unwrap_or(Path::new("")).join(Matrix::FILE);
    let why = "is not there: it says who the people of the matrix are, and in which situations";
    Failure::in_file(&file, format!("{} {why}", input::name(&file)))
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let ward = args.policies.load()?;
    let before = args.written.read()?;
    let spinner = progress::spinner(terminal, "deciding");
    let matrix = decided(args.policies.folder(), &ward);
    spinner.finish_and_clear();
    let matrix = matrix?;
    let Some(before) = before else {
        match args.format {
            Format::Text => output::print(&matrix.to_string())?,
            Format::Json => output::print_json(&matrix)?,
        }
        return Ok(Exit::Success);
    };
    let telling = Telling { context: 2, what: "is not what the policies decide", exit: Exit::Unmet };
    before.compare(&matrix.to_string(), &telling)
}
