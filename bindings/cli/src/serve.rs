//! `caseward serve`: policies and data, or a store, as an HTTP service.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use caseward::Live;
use caseward_http::{Error, Right, Service, Settings, demo_store, new_key, run as serve};
use caseward_store::Options;
use clap::error::ErrorKind;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::key::key_of;
use crate::load::{DataArgs, PolicyArgs};
use crate::output;
use crate::store::opened;
use crate::terminal::{Terminal, say};

/// Serve policies and data, or a store, over HTTP: OpenID AuthZEN, and the commands and reads of the store.
///
/// Settings come from --config, from environment variables that begin with CASEWARD_SERVE_, and from these options, which win.
/// It ends with SIGTERM or SIGINT, once what was asked is answered.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Settings, in TOML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data: Cedar's entities JSON or a snapshot.
    #[arg(long, value_name = "FILE", conflicts_with = "db")]
    entities: Option<PathBuf>,
    /// The folder of policies, beside --entities; it is read again when it changes.
    #[arg(long, value_name = "DIR", conflicts_with = "db")]
    policies: Option<PathBuf>,
    /// A store: the path of its database, or its address (postgres://…).
    #[arg(long, value_name = "DB")]
    db: Option<PathBuf>,
    /// The file of the key under which the store is encrypted, if it is; that which CASEWARD_KEY_FILE names without it.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Where requests are taken.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where metrics are shown.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// The file of API keys; it is read again when it changes.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Answer whoever asks, on loopback alone, and take the person from the header X-Caseward-User.
    #[arg(long)]
    development: bool,
    /// Serve a store with demo data, for development, which goes when the service ends.
    #[arg(long, conflicts_with_all = ["config", "entities", "policies", "db", "keys"])]
    demo: bool,
    /// Print a new API key for a service of this name, and its entry in the file of keys; nothing is served.
    #[arg(long, value_name = "NAME", requires = "may")]
    new_key: Option<String>,
    /// What the new key may ask: evaluate, search, read, command, audit, feed.
    #[arg(long, value_name = "RIGHT", value_delimiter = ',', value_parser = right, requires = "new_key")]
    may: Vec<Right>,
    /// Print the text of OpenAPI 3.1; nothing is served.
    #[arg(long, conflicts_with_all = ["new_key", "demo"])]
    openapi: bool,
}

fn right(text: &str) -> Result<Right, String> {
    Right::of(text).ok_or_else(|| "a right is evaluate, search, read, command, audit or feed".to_owned())
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    if args.openapi {
        output::exactly(&Service::openapi())?;
        return Ok(Exit::Success);
    }
    if let Some(name) = &args.new_key {
        let (secret, entry) = new_key(name, &args.may).map_err(failed)?;
        output::print(&format!("{secret}\n\n{entry}"))?;
        return Ok(Exit::Success);
    }
    let settings = settings(args)?;
    let folder = if args.demo { Some(Folder::new()?) } else { None };
    let service = match (&folder, &settings.db, &settings.entities) {
        (Some(folder), ..) => {
            let store = demo_store(&folder.0.join("cases.db")).map_err(failed)?;
            Service::over_store(store, settings)
        }
        (None, Some(db), _) => {
            let key = key_of(args.key_file.as_deref());
            let opened = key.and_then(|key| opened(db, Options::new().with_key(key)));
            let store = opened.map_err(|error| failed(error.into()))?;
            Service::over_store(store, settings)
        }
        (None, None, Some(entities)) => {
            let ward = PolicyArgs::of(settings.policies.clone()).load()?;
            let world = DataArgs { entities: entities.clone() }.load(&ward, terminal)?;
            ward.make_indices(&world)?;
            Service::over_world(Live::new(ward, world)?, settings)
        }
        (None, None, None) => {
            let why = "--entities or --db says what is served; --demo serves demo data";
            return Err(Failure::usage(ErrorKind::MissingRequiredArgument, why));
        }
    };
    let service = service.map_err(failed)?.noting(say);
    if service.is_open_to_nobody() {
        let why = "nobody could ask: name a file of keys (--keys) or an issuer of tokens ([jwt]), or use --development";
        return Err(Failure::usage(ErrorKind::MissingRequiredArgument, why));
    }
    let mut told = Ok(());
    let served = serve(service, |scheme, at, metrics| told = tell(args, scheme, at, metrics));
    served.map_err(failed)?;
    told?;
    Ok(Exit::Success)
}

/// Says where it listens, and what is open.
fn tell(args: &Args, scheme: &str, at: SocketAddr, metrics: Option<SocketAddr>) -> Result<(), Failure> {
    let mut text = format!("listening on {scheme}://{at}\n");
    if let Some(metrics) = metrics {
        text.push_str(&format!("metrics on http://{metrics}/metrics\n"));
    }
    if args.demo {
        text.push_str("the data is that of `caseward demo`, and goes when this ends\n");
    }
    output::print(&text)
}

fn settings(args: &Args) -> Result<Settings, Failure> {
    // What is no text can be no setting; a name of ours that is none is told.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
    let read = match &args.config {
        Some(path) => Settings::read_file(path, environment),
        None => Settings::read("", environment),
    };
    let mut settings = read.map_err(failed)?;
    if let Some(entities) = &args.entities {
        (settings.entities, settings.db) = (Some(entities.clone()), None);
    }
    if let Some(db) = &args.db {
        (settings.db, settings.entities, settings.policies) = (Some(db.clone()), None, None);
    }
    settings.policies = args.policies.clone().or(settings.policies);
    settings.listen = args.listen.unwrap_or(settings.listen);
    settings.metrics = args.metrics.or(settings.metrics);
    settings.keys = args.keys.clone().or(settings.keys);
    settings.development |= args.development || args.demo;
    settings.check().map_err(failed)?;
    if settings.development {
        say(
            "development: whoever reaches this address is answered, as whomever they say; it is for loopback alone",
        );
    }
    Ok(settings)
}

fn failed(error: Error) -> Failure {
    match error {
        Error::Engine(error) => error.into(),
        other => Failure::other(other.to_string()),
    }
}

/// A folder that goes when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let base = std::env::temp_dir();
        let mut tail = [0; 8];
        getrandom::fill(&mut tail).map_err(|error| Failure::other(format!("no random bytes: {error}")))?;
        let tail: String = tail.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = base.join(format!("caseward-demo-{tail}"));
        make(&folder).map_err(|error| Failure::file("make", folder.display(), &error))?;
        Ok(Folder(folder))
    }
}

/// Makes a folder that nobody else reads.
fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
