//! `caseward lsp`: what editors ask while somebody writes policies.
//!
//! | file | what it is for |
//! |---|---|
//! | `wire` | messages on standard input and output |
//! | `server` | the state: open files, folders of policies, what was told |
//! | `answers` | one request, one answer |
//! | `shapes` | the library's answers in the protocol's words |
//! | `lines` | places as editors count them |
//! | `desk` | a folder of policies, on the disk and in the editor |
//! | `worker` | what takes longer than an answer may |
//!
//! INVARIANT: whatever is sent or stands in a file, the server goes on; what it cannot answer it says so.

mod answers;
mod desk;
mod lines;
mod server;
mod shapes;
mod wire;
mod worker;

use std::io::{self, BufReader};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;

use self::server::{Event, Server};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;

/// Serve an editor that speaks the Language Server Protocol, on standard input and output.
///
/// It tells problems of policies, claims, schema, catalogue and cases while they are written, completes and explains
/// names, finds definitions and uses, renames a policy with the cases that name it, lays policies out, and says how many
/// cases name a policy and how much of it they cover. The folder of policies is the nearest one above a file that has a
/// `schema.cedarschema`. Editors start it; examples/editor says how.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of policies, for files below it; otherwise each file's own is found.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Standard input and output, which are all there is; editors say so.
    #[arg(long)]
    stdio: bool,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    // Said for the sake of editors alone.
    let _ = args.stdio;
    let wanted = args.policies.as_ref().map(|folder| {
        folder.canonicalize().map_err(|error| Failure::file("read", input::name(folder), &error))
    });
    let wanted = wanted.transpose()?;
    let (tell, events) = channel();
    let done = tell.clone();
    let jobs = worker::start(move |what| done.send(Event::Done(what)).is_ok());
    thread::spawn(move || {
        let mut input = BufReader::new(io::stdin());
        loop {
            let read = wire::read(&mut input);
            let is_over = !matches!(read, Ok(Some(_)));
            if tell.send(Event::Read(read)).is_err() || is_over {
                return;
            }
        }
    });
    let mut server = Server::new(io::stdout(), wanted, jobs);
    for event in events {
        match server.take(event) {
            Ok(None) => {}
            Ok(Some(exit)) => return Ok(exit),
            Err(error) => return Err(Failure::output(&error)),
        }
    }
    Ok(Exit::Failure)
}
