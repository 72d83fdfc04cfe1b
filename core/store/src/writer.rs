//! The thread that writes: commands and audited reads that wait together are one transaction.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use caseward::EntityUid;
use serde_json::Value as Json;

use crate::audit::Read;
use crate::command::Answer;
use crate::error::Error;
use crate::options::Options;
use crate::state::{Group, State};

/// What becomes durable together, at most.
const GROUP: usize = 256;

/// Something else that the writer does, with its state and at its clock.
type Work = Box<dyn FnOnce(&mut State, i64) + Send>;

/// What the writer does.
pub(crate) enum Job {
    Durable(Durable),
    Other(Work),
}

/// What is answered once it is durable, with where its answer goes.
pub(crate) enum Durable {
    Command { line: String, file: Option<Arc<Vec<u8>>>, reply: Sender<Result<Answer, Error>> },
    Read { read: Box<Read>, of: Vec<ContentKey>, reply: Sender<Result<Looked, Error>> },
}

/// A field of content: whose, and its name.
pub(crate) type ContentKey = (EntityUid, String);

/// The entry of a look, and the content that it shows.
pub(crate) type Looked = (u64, Vec<Option<Json>>);

/// An answer that is given once the group is durable.
enum Made {
    Answer(Box<Answer>),
    Look(Looked),
}

/// Does what comes, in order, until nobody can send any more.
pub(crate) fn write(mut state: State, waiting: &Receiver<Job>, options: &Options) {
    while let Ok(first) = waiting.recv() {
        let mut together = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next.take() {
            match job {
                Job::Durable(one) => together.push(one),
                Job::Other(work) => {
                    group(&mut state, std::mem::take(&mut together), options);
                    work(&mut state, options.clock());
                }
            }
            if together.len() < GROUP {
                next = waiting.try_recv().ok();
            }
        }
        group(&mut state, together, options);
    }
    // Without it the rows are read: nothing is lost where it cannot be written.
    let _ = state.save_snapshot();
}

/// Does all of this in one transaction. Where it fails, nothing of any of it is done.
fn group(state: &mut State, together: Vec<Durable>, options: &Options) {
    if together.is_empty() {
        return;
    }
    let made = state.in_group(|state, group| {
        together.iter().map(|one| one.done(state, group, options.clock())).collect::<Result<Vec<_>, _>>()
    });
    match made {
        Ok(made) => together.into_iter().zip(made).for_each(|(one, made)| one.answer(made)),
        Err(error) => together.into_iter().for_each(|one| one.fail(&error)),
    }
}

impl Durable {
    fn done(&self, state: &mut State, group: &mut Group, clock: i64) -> Result<Made, Error> {
        match self {
            Durable::Command { line, file, .. } => {
                let answer = state.command(group, (line, file.clone()), clock)?;
                Ok(Made::Answer(Box::new(answer)))
            }
            Durable::Read { read, of, .. } => {
                let entry = state.read_in(group, read, clock)?;
                Ok(Made::Look((entry, state.contents_in(of)?)))
            }
        }
    }

    fn answer(self, made: Made) {
        match (self, made) {
            (Durable::Command { reply, .. }, Made::Answer(answer)) => drop(reply.send(Ok(*answer))),
            (Durable::Read { reply, .. }, Made::Look(look)) => drop(reply.send(Ok(look))),
            // Each is answered with what it made.
            (Durable::Command { .. }, Made::Look(_)) | (Durable::Read { .. }, Made::Answer(_)) => {}
        }
    }

    /// Says why nothing of it was done: to each that waits, so that the error is told as many times.
    fn fail(self, error: &Error) {
        let failed = match error {
            Error::Database(why) => Error::Database(why.clone()),
            Error::ReadOnly(path) if matches!(self, Durable::Read { .. }) => Error::ReadOnly(path.clone()),
            other => Error::Database(other.to_string()),
        };
        match self {
            Durable::Command { reply, .. } => drop(reply.send(Err(failed))),
            Durable::Read { reply, .. } => drop(reply.send(Err(failed))),
        }
    }
}
