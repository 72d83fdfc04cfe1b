//! The verbs and what is common to all of them.

use clap::{Parser, Subcommand};

use crate::exit::Exit;
use crate::failure::Failure;
#[cfg(feature = "serve")]
use crate::serve;
use crate::terminal::Terminal;
use crate::{
    actions, bundle, check, ci, completions, count, coverage, decision, demo, diff, docs, explain, filter,
    fmt, init, lint, list, lsp, man, matrix, mutate, prove, reports, role, sample, schemas, snapshot, tables,
    test, validate, view, who,
};
#[cfg(feature = "store")]
use crate::{audit, due, reassign, search, store, watch};

const EXIT_CODES: &str = "\
Exit codes:
  0   allowed, or done
  1   a file, the data or a request cannot be used; `fmt --check` found files to lay out
  2   denied
  3   the policies or the schema were refused
  4   what was tested or claimed does not hold: a case, coverage, a mutant, a page, an invariant, a gain
  5   a claim is neither proved nor refuted
  6   there is no solver
  7   the solver died, hung or is not what it says
  64  wrong usage";

/// Who may do and see what in attendance case management, decided by Cedar policies.
///
/// The policies that come with the command are used unless `--policies` names a folder.
#[derive(Parser)]
#[command(name = "caseward", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// No progress bars and no notes: only answers and errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    Init(init::Args),
    Validate(validate::Args),
    Lint(lint::Args),
    Fmt(fmt::Args),
    Lsp(lsp::Args),
    Check(check::Args),
    List(list::Args),
    Who(who::Args),
    View(view::Args),
    Count(count::Args),
    Report(reports::Args),
    Filter(filter::Args),
    Tables(tables::Args),
    Actions(actions::Args),
    Alert(who::AlertArgs),
    Explain(explain::Args),
    Matrix(matrix::Args),
    Test(test::Args),
    Coverage(coverage::Args),
    Mutate(mutate::Args),
    Docs(docs::Args),
    Decision(decision::Args),
    Role(role::Args),
    Diff(diff::Args),
    Bundle(bundle::Args),
    Schemas(schemas::Args),
    Ci(ci::Args),
    Prove(prove::Args),
    Sample(sample::Args),
    Snapshot(snapshot::Args),
    #[cfg(feature = "store")]
    Store(store::Args),
    #[cfg(feature = "store")]
    Do(store::DoArgs),
    #[cfg(feature = "store")]
    Feed(store::FeedArgs),
    #[cfg(feature = "store")]
    Search(search::Args),
    #[cfg(feature = "store")]
    Watch(watch::Args),
    #[cfg(feature = "store")]
    Due(due::Args),
    #[cfg(feature = "store")]
    Reassign(reassign::Args),
    #[cfg(feature = "store")]
    Audit(audit::Args),
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Verb {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<Exit, Failure> {
        match self {
            Verb::Init(args) => init::run(args, terminal),
            Verb::Validate(args) => validate::run(args, terminal),
            Verb::Lint(args) => lint::run(args, terminal),
            Verb::Fmt(args) => fmt::run(args, terminal),
            Verb::Lsp(args) => lsp::run(args),
            Verb::Check(args) => check::run(args, terminal),
            Verb::List(args) => list::run(args, terminal),
            Verb::Who(args) => who::run(args, terminal),
            Verb::View(args) => view::run(args, terminal),
            Verb::Alert(args) => who::alert(args, terminal),
            Verb::Count(args) => count::run(args, terminal),
            Verb::Report(args) => reports::run(args, terminal),
            Verb::Filter(args) => filter::run(args, terminal),
            Verb::Tables(args) => tables::run(args, terminal),
            Verb::Actions(args) => actions::run(args, terminal),
            Verb::Explain(args) => explain::run(args, terminal),
            Verb::Matrix(args) => matrix::run(args, terminal),
            Verb::Test(args) => test::run(args, terminal),
            Verb::Coverage(args) => coverage::run(args, terminal),
            Verb::Mutate(args) => mutate::run(args, terminal),
            Verb::Docs(args) => docs::run(args, terminal),
            Verb::Decision(args) => decision::run(args, terminal),
            Verb::Role(args) => role::run(args, terminal),
            Verb::Diff(args) => diff::run(args, terminal),
            Verb::Bundle(args) => bundle::run(args),
            Verb::Schemas(args) => schemas::run(args),
            Verb::Ci(args) => ci::run(args, terminal),
            Verb::Prove(args) => prove::run(args, terminal),
            Verb::Demo(args) => demo::run(args, terminal),
            Verb::Sample(args) => sample::run(args, terminal),
            Verb::Snapshot(args) => snapshot::run(args, terminal),
            #[cfg(feature = "store")]
            Verb::Store(args) => store::run(args, terminal),
            #[cfg(feature = "store")]
            Verb::Do(args) => store::run_commands(args, terminal),
            #[cfg(feature = "store")]
            Verb::Feed(args) => store::run_feed(args, terminal),
            #[cfg(feature = "store")]
            Verb::Audit(args) => audit::run(args),
            #[cfg(feature = "store")]
            Verb::Search(args) => search::run(args, terminal),
            #[cfg(feature = "store")]
            Verb::Watch(args) => watch::run(args, terminal),
            #[cfg(feature = "store")]
            Verb::Due(args) => due::run(args, terminal),
            #[cfg(feature = "store")]
            Verb::Reassign(args) => reassign::run(args, terminal),
            #[cfg(feature = "serve")]
            Verb::Serve(args) => serve::run(args, terminal),
            Verb::Completions(args) => completions::run(args),
            Verb::Man(args) => man::run(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}
