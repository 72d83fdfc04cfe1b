//! The `caseward` command: asks the library and shows what it answers. It decides nothing itself.
//!
//! One file a verb. Beside them: `cli` names the verbs, `exit` the exit codes, `load` reads policies and
//! data, `question` what is asked, `report` and `failure` show what is wrong.

mod actions;
#[cfg(feature = "store")]
mod audit;
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
#[cfg(feature = "store")]
mod due;
mod earlier;
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
#[cfg(feature = "store")]
mod key;
mod lines;
mod lint;
mod list;
mod listing;
mod load;
mod lsp;
mod man;
mod matrix;
#[cfg(feature = "prove")]
mod missing;
mod mutate;
mod output;
mod picture;
mod problems;
mod progress;
mod proofs;
#[cfg(feature = "prove")]
mod prove;
#[cfg(feature = "store")]
mod publish;
mod question;
#[cfg(feature = "store")]
mod reassign;
mod replace;
mod report;
mod reports;
mod role;
mod sample;
mod save;
mod schemas;
#[cfg(feature = "store")]
mod search;
#[cfg(feature = "serve")]
mod serve;
mod shown;
mod snapshot;
mod source;
#[cfg(feature = "store")]
mod store;
mod tables;
mod terminal;
mod test;
#[cfg(not(feature = "prove"))]
mod unproved;
mod unreachable;
#[cfg(feature = "store")]
mod upkeep;
mod validate;
mod view;
#[cfg(feature = "store")]
mod watch;
mod who;
mod written;

#[cfg(feature = "serve")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
#[cfg(not(feature = "prove"))]
use crate::{unproved as missing, unproved as prove};

fn main() -> ExitCode {
    // The help of the command itself has its verbs in groups: made where it is asked for.
    let cli = Cli::try_parse().or_else(|message| match message.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            help::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches))
        }
        _ => Err(message),
    });
    let exit = match cli {
        Ok(cli) => {
            let terminal = Terminal::new(cli.quiet);
            cli.verb.run(&terminal).unwrap_or_else(|failure| failure.show(&terminal))
        }
        Err(message) => told(message),
    };
    output::settle(exit).into()
}

/// Shows what the flags' own rules say: help and the version are asked for and go to standard output; all else is wrong
/// usage.
fn told(message: clap::Error) -> Exit {
    let terminal = Terminal::new(false);
    if message.use_stderr() {
        return Failure::Usage(in_lines(message)).show(&terminal);
    }
    let text = message.render();
    // Our own words alone: they go out as they are.
    let printed = match terminal.has_colour_out() {
        true => output::exactly(&text.ansi().to_string()),
        false => output::exactly(&text.to_string()),
    };
    printed.map_or_else(|failure| failure.show(&terminal), |()| Exit::Success)
}

/// The message about the same flags with what was typed in a line each: it has lines of its own, and repeats what was
/// typed.
fn in_lines(message: clap::Error) -> clap::Error {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let shown = typed.iter().map(|typed| OsString::from(shown::in_a_line(&typed.to_string_lossy())));
    let shown: Vec<OsString> = shown.collect();
    if shown == typed {
        return message;
    }
    let kind = message.kind();
    match Cli::try_parse_from(shown) {
        Err(again) if again.kind() == kind => again,
        // Never seen: what is wrong with one is wrong with the other.
        _ => Cli::command().error(kind, shown::in_a_line(&message.render().to_string())),
    }
}
