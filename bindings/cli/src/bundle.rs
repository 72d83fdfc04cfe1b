//! `caseward bundle`: policies as one signed file.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use caseward::bundle::{Bundle, PublicKey, SecretKey};
use clap::Subcommand;
use clap::error::ErrorKind;
use serde::Serialize;

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::{Failure, counted, printable};
use crate::load::PolicyArgs;
use crate::{input, output, replace};

/// Bytes of a bundle, at most, and of a key file.
const MOST_BYTES: u64 = 65 << 20;
const MOST_KEY: usize = 4 << 10;
/// Bytes of a file that is added.
const MOST_ADDED: usize = 16 << 20;

/// Make, verify and sign policies as one file, so that a rule changes without a release.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Keygen(Keygen),
    Build(Build),
    Verify(Verify),
}

/// Make a pair of keys: the secret one in a file that only its owner reads, the public one on standard output.
#[derive(clap::Args)]
struct Keygen {
    /// The file of the secret key; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
}

/// Validate policies and write them as a signed bundle.
#[derive(clap::Args)]
struct Build {
    #[command(flatten)]
    policies: PolicyArgs,
    /// The file of the secret key.
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// The bundle's number, greater than those before it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    serial: u64,
    /// What it is called, for people.
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// Files that go with the policies, such as the invariants; each by its name without folders.
    #[arg(long, value_name = "FILE")]
    add: Vec<PathBuf>,
    /// The bundle to write.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Verify a bundle and say what it holds.
#[derive(clap::Args)]
struct Verify {
    /// The bundle.
    #[arg(value_name = "FILE")]
    bundle: PathBuf,
    /// A public key that is trusted, as `keygen` printed it; or a file that holds some, one a line.
    #[arg(long, value_name = "KEY|FILE", required = true)]
    trust: Vec<String>,
    /// Refuse bundles with a smaller number.
    #[arg(long, value_name = "N", default_value_t = 0)]
    serial: u64,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.what {
        What::Keygen(args) => keygen(args),
        What::Build(args) => build(args),
        What::Verify(args) => verify(args),
    }
}

fn keygen(args: &Keygen) -> Result<Exit, Failure> {
    if input::is_dash(&args.secret) {
        let why =
            "--secret names a file of its own: standard output has the public key, which is told to others";
        return Err(Failure::usage(ErrorKind::InvalidValue, why));
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| Failure::other(format!("no random bytes can be had: {e}")))?;
    let key = SecretKey::from_bytes(&bytes);
    write_secret(&args.secret, &key.to_text())?;
    output::print(&format!("{}\n", key.public()))?;
    Ok(Exit::Success)
}

/// Writes a secret key to a file that is not there yet, and that only its owner reads.
pub(crate) fn write_secret(path: &Path, key: &str) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| writeln!(file, "{key}"));
    written.map_err(|e| Failure::file("write", input::name(path), &e))
}

fn build(args: &Build) -> Result<Exit, Failure> {
    // First of all, so that a wrong file is told before the work is done.
    let key = input::text(&args.secret, MOST_KEY)?;
    let key: SecretKey =
        key.parse().map_err(|e| Failure::other(format!("{}: {e}", input::name(&args.secret))))?;
    args.policies.load()?;
    let mut bundle = Bundle::new(args.policies.sources()?, args.serial, &args.label)?;
    for path in &args.add {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| Failure::other(format!("{} has no name", input::name(path))))?;
        if bundle.file(&name).is_some() {
            return Err(Failure::other(format!("two files are called `{}`", printable(&name))));
        }
        bundle = bundle.with_file(&name, &input::text(path, MOST_ADDED)?);
    }
    let bytes = bundle.sign(&key)?;
    replace::write(&args.output, &bytes)?;
    Ok(Exit::Success)
}

#[derive(Serialize)]
struct Held<'a> {
    label: &'a str,
    serial: u64,
    policies: usize,
    hash: &'a str,
    files: Vec<&'a str>,
}

fn verify(args: &Verify) -> Result<Exit, Failure> {
    let mut trusted = Vec::new();
    for key in &args.trust {
        trusted.extend(keys(key)?);
    }
    let mut input = input::open(&args.bundle)?;
    let mut bytes = Vec::new();
    let read = input.stream.by_ref().take(MOST_BYTES).read_to_end(&mut bytes);
    read.map_err(|e| Failure::file("read", &input.name, &e))?;
    let refused = |why: String| Failure::other(format!("{}: {why}", input.name));
    let bundle = Bundle::open(&bytes, &trusted).map_err(|e| refused(e.to_string()))?;
    if bundle.serial() < args.serial {
        return Err(refused(format!(
            "its number is {}, and {} or greater is wanted",
            bundle.serial(),
            args.serial
        )));
    }
    let held = Held {
        label: bundle.label(),
        serial: bundle.serial(),
        policies: bundle.ward().policies().len(),
        hash: bundle.ward().policy_hash(),
        files: bundle.files().collect(),
    };
    match args.format {
        Format::Json => output::print_json(&held)?,
        Format::Text => output::print(&format!(
            "valid: number {}{}, {} policies, {}, hash {}\n",
            held.serial,
            if held.label.is_empty() { String::new() } else { format!(" “{}”", printable(held.label)) },
            held.policies,
            counted(held.files.len(), "more file"),
            held.hash
        ))?,
    }
    Ok(Exit::Success)
}

/// A key, or those of a file.
fn keys(text: &str) -> Result<Vec<PublicKey>, Failure> {
    let path = Path::new(text);
    if !path.is_file() {
        return Ok(vec![
            text.parse().map_err(|e| Failure::other(format!("--trust: {e}, or a file of them")))?,
        ]);
    }
    let lines = input::text(path, MOST_KEY)?;
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.parse().map_err(|e| Failure::other(format!("{}: {e}", input::name(path)))))
        .collect()
}
