//! A thin case store: facts, content, files and an audit log, each write decided by the policies in the transaction that
//! writes.
//!
//! The store decides nothing. A command asks the engine for the action of the same name, on the state that it is about to
//! change; what it then writes are facts, and who fits where a record names somebody is asked of policies too. What is
//! committed flows to a [`World`](caseward::World), which answers every question that caseward answers.
//!
//! ```
//! use caseward_store::{Options, Outcome, PolicySet, Store};
//!
//! let folder = std::env::temp_dir().join(format!("caseward-doc-{}", std::process::id()));
//! std::fs::create_dir(&folder)?;
//! let options = Options::new().trusting(Some(1_778_446_800_000));
//! let store = Store::init(folder.join("cases.db"), &PolicySet::attendance(), &options)?;
//! store.import(&include_bytes!("../tests/data/small.json")[..])?;
//!
//! let answer = store.command(
//!     r#"{"command": "createRequest", "as": "lead", "on": "Student::\"aroha\"",
//!         "context": {"primaryContact": {"type": "User", "id": "lead"}}, "id": "r1"}"#,
//! )?;
//! assert_eq!((answer.outcome, answer.made), (Outcome::Done, vec![r#"Request::"r1""#.to_owned()]));
//! # drop(store);
//! # std::fs::remove_dir_all(folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// The page's code runs.
#[cfg(doctest)]
#[doc = include_str!("../MIRROR.md")]
struct Page;

mod activate;
#[cfg(feature = "postgres")]
mod address;
mod attendance;
mod audit;
mod backup;
mod beside;
mod command;
mod commits;
mod content;
mod db;
mod doctor;
mod draft;
mod due;
mod encrypt;
mod error;
mod facts;
mod feed;
mod files;
mod follow;
mod history;
mod ids;
mod import;
mod imported;
mod kept;
mod layout;
mod lists;
mod log;
mod migrate;
mod mirror;
mod nodes;
mod options;
mod outbox;
mod past;
mod persons;
mod place;
mod policies;
#[cfg(feature = "postgres")]
mod postgres;
mod reassign;
mod refold;
mod run;
mod seal;
mod snapshot;
mod sqlite;
mod state;
mod store;
mod time;
mod touched;
mod underway;
mod watch;
mod writer;

pub use activate::{Activated, Activation};
pub use audit::{
    Checkpoint, Differing, LogKey, LogVerifier, Looked, Problem, Proof, Read, Replayed, Verified,
};
pub use backup::Backup;
pub use command::{Answer, MAX_LINE, Outcome};
pub use commits::Commits;
pub use content::Download;
pub use doctor::{Checkup, Finding};
pub use due::Due;
pub use error::Error;
pub use feed::{LineAnswer, Taken};
pub use migrate::Migration;
pub use mirror::{Mirror, MirrorOptions, Mirrored};
pub use nodes::Reading;
pub use options::Options;
pub use outbox::{Alert, AlertPlace, OwnAlerts};
pub use past::{Moment, Past};
pub use place::{is_shared, shown};
pub use policies::PolicySet;
pub use reassign::{Reassigned, Reassignment};
pub use seal::StoreKey;
pub use store::{Pending, Store};
pub use touched::Touched;
pub use watch::{Seen, Watch};
