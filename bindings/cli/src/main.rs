//! The `caseward` command: asks the library and shows what it answers. It decides nothing itself.
//!
//! One file a verb. Beside them: `cli` names the verbs, `exit` the exit codes, `load` reads policies and
//! data, `question` what is asked, `report` and `failure` show what is wrong.

mod actions;
mod bundle;
mod cases;
mod check;
mod ci;
mod cli;
mod completions;
mod count;
mod coverage;
mod decision;
mod demo;
mod diff;
mod docs;
mod exit;
mod explain;
mod failure;
mod filter;
mod fmt;
mod git;
mod github;
mod help;
mod init;
mod input;
mod instant;
mod lines;
mod lint;
mod list;
mod load;
mod man;
mod matrix;
mod missing;
mod mutate;
mod output;
mod progress;
mod proofs;
#[cfg(feature = "prove")]
mod prove;
mod question;
mod replace;
mod report;
mod reports;
mod role;
mod sample;
mod save;
mod shown;
mod snapshot;
mod tables;
mod terminal;
mod test;
mod unreachable;
mod validate;
mod view;
mod who;
mod written;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{FromArgMatches as _, Parser as _};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    // The help of the command itself has its verbs in groups: made where it is asked for.
    let cli = Cli::try_parse().or_else(|message| match message.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            help::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches))
        }
        _ => Err(message),
    });
    let cli = match cli {
        Ok(cli) => cli,
        Err(message) => {
            // Help and the version are asked for and go to stdout; all else is wrong usage.
            if message.use_stderr() {
                return Failure::Usage(message).show(&Terminal::new(false)).into();
            }
            let _ = message.print();
            return Exit::Success.into();
        }
    };
    let terminal = Terminal::new(cli.quiet);
    let exit = cli.verb.run(&terminal).unwrap_or_else(|failure| failure.show(&terminal));
    output::settle(exit).into()
}
