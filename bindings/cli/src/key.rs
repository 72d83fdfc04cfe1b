//! The key of a store that is encrypted, and `caseward store keygen` and `rekey`.

use std::path::{Path, PathBuf};

use caseward_store::{Error, Store, StoreKey};

use crate::bundle::write_secret;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::output;
use crate::store::failed;

/// Names the file of a store's key, where no option does.
const VARIABLE: &str = "CASEWARD_KEY_FILE";

/// The key that an option names, or else the environment.
pub(crate) fn key_of(file: Option<&Path>) -> Result<Option<StoreKey>, Error> {
    let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    file.or(named.as_deref()).map(StoreKey::read).transpose()
}

/// Draw a key under which a store is encrypted, and print its name. Without the key what is encrypted is lost: keep it where no
/// backup of the store is.
#[derive(clap::Args)]
pub(crate) struct KeygenArgs {
    /// The file that is written; its owner alone reads it.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Encrypt a store under another key: the store's own key alone is written anew, in one transaction. Backups from before stay
/// under the key of before.
#[derive(clap::Args)]
pub(crate) struct RekeyArgs {
    /// The store: the path of its database, or its address (postgres://…).
    #[arg(long, value_name = "DB")]
    db: PathBuf,
    /// The file of the key that it has; that which CASEWARD_KEY_FILE names without it.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The file of the key that it is to have.
    #[arg(long, value_name = "FILE")]
    new_key_file: PathBuf,
}

pub(crate) fn keygen(args: &KeygenArgs) -> Result<Exit, Failure> {
    if input::is_dash(&args.output) {
        return Err(Failure::other(
            "a key is written to a file of its own, and not to standard output: name one",
        ));
    }
    let key = StoreKey::generate().map_err(failed)?;
    write_secret(&args.output, key.to_text().trim_end())?;
    output::print(&format!("{}\n", key.name()))?;
    Ok(Exit::Success)
}

pub(crate) fn rekey(args: &RekeyArgs) -> Result<Exit, Failure> {
    let to = StoreKey::read(&args.new_key_file).map_err(failed)?;
    let key = key_of(args.key_file.as_deref()).map_err(failed)?;
    let key = key.ok_or_else(|| {
        Failure::other("name the key that the store has (--key-file, or CASEWARD_KEY_FILE)")
    })?;
    Store::rekey(&args.db, &key, &to).map_err(failed)?;
    output::print(&format!(
        "Encrypted under the key {} from now on, and no longer under {}\n",
        to.name(),
        key.name()
    ))?;
    Ok(Exit::Success)
}
