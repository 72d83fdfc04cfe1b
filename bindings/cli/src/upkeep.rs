//! `caseward store backup`, `restore` and `migrate`: what keeps a store.

use std::path::{Path, PathBuf};

use caseward_store::{Activation, Backup, Migration, PolicySet, Store, StoreKey};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::key::key_of;
use crate::output;
use crate::shown::in_a_line;
use crate::store::{StoreArgs, failed};

/// Write a backup into a new folder: the database as it is at one instant, and its files, while others go on writing. The copy
/// is checked as `doctor` and `audit verify` do it before it has its name.
#[derive(clap::Args)]
pub(crate) struct BackupArgs {
    /// The store: the path of its database.
    #[arg(long, value_name = "DB")]
    db: PathBuf,
    /// The file of the key under which the store is encrypted, if it is; that which CASEWARD_KEY_FILE names without it.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The folder that is made.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

/// Make a store of a backup, where there is none; every byte is held against what the backup says of itself.
#[derive(clap::Args)]
pub(crate) struct RestoreArgs {
    /// The folder of the backup.
    #[arg(value_name = "DIR")]
    backup: PathBuf,
    /// The store that is made: the path of its database.
    #[arg(long, value_name = "DB")]
    db: PathBuf,
    /// The file of a key under which the store is to be encrypted, where the backup is not.
    #[arg(long, value_name = "FILE")]
    encrypt_under: Option<PathBuf>,
}

pub(crate) fn backup(args: &BackupArgs) -> Result<Exit, Failure> {
    if input::is_dash(&args.output) {
        return Err(Failure::other(
            "a backup is a folder, and cannot be written to standard output: name one",
        ));
    }
    let key = key_of(args.key_file.as_deref()).map_err(failed)?;
    let made = Store::backup_with(&args.db, &args.output, key.as_ref()).map_err(failed)?;
    tell("A backup, checked", &args.output, &made)
}

pub(crate) fn restore(args: &RestoreArgs) -> Result<Exit, Failure> {
    let key = args.encrypt_under.as_ref().map(StoreKey::read).transpose().map_err(failed)?;
    let made = Store::restore_under(&args.backup, &args.db, key.as_ref()).map_err(failed)?;
    let what = if key.is_some() { "A store, restored and encrypted" } else { "A store, restored" };
    tell(what, &args.db, &made)
}

fn tell(what: &str, place: &Path, backup: &Backup) -> Result<Exit, Failure> {
    output::print(&format!(
        "{what}: {}\nversion {}; entries of the log: {}; files: {}; made {}\n",
        input::name(place),
        backup.version,
        backup.entries,
        backup.files.len(),
        backup.made
    ))?;
    Ok(Exit::Success)
}

/// Say what it would do to put policies with another schema in force, or do it. Nothing is guessed: what would lose something, or
/// needs a value, is refused by name. It ends with 4 where something is to do, with 1 where something is refused.
#[derive(clap::Args)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The folder of policies, with who fits in its folder `fits`.
    #[arg(long, value_name = "DIR")]
    policies: PathBuf,
    /// Do it, from now on; nobody else has the store open.
    #[arg(long, requires = "approved_by", requires = "reason")]
    apply: bool,
    /// Who approved it.
    #[arg(long, value_name = "TEXT", requires = "apply")]
    approved_by: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT", requires = "apply")]
    reason: Option<String>,
}

pub(crate) fn migrate(args: &MigrateArgs) -> Result<Exit, Failure> {
    let policies = PolicySet::read_folder(&args.policies).map_err(failed)?;
    let (place, options) = (args.store.place(), args.store.options().map_err(failed)?);
    if !args.apply {
        let found = Store::propose(place, &policies, &options).map_err(failed)?;
        return propose(&found);
    }
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    let as_said = Activation::now(said(&args.approved_by), said(&args.reason));
    let done = Store::migrate(place, &policies, &as_said, &options).map_err(failed)?;
    let mut text: String = done.steps.iter().map(|step| format!("done: {}\n", in_a_line(step))).collect();
    text += &format!("in force: {}\n", done.set);
    output::print(&text)?;
    Ok(Exit::Success)
}

fn propose(found: &Migration) -> Result<Exit, Failure> {
    let mut text = String::new();
    for (what, lines) in [("to do", &found.steps), ("refused", &found.refused)] {
        text.extend(lines.iter().map(|line| format!("{what}: {}\n", in_a_line(line))));
    }
    let (exit, last) = match (found.is_nothing(), found.refused.is_empty()) {
        (true, _) => (Exit::Success, "nothing is to do: these policies are in force"),
        (_, false) => (Exit::Failure, "nothing is done where something is refused"),
        _ if found.steps.is_empty() => (
            Exit::Unmet,
            "the data stays as it is; `--apply` or `caseward store activate` puts the policies in force",
        ),
        _ => (Exit::Unmet, "`--apply --approved-by … --reason …` does it"),
    };
    output::print(&format!("{text}{last}\n"))?;
    Ok(exit)
}
