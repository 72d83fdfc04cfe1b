//! Checkpoints outside the database: in a file, or at an address that answers GET and PUT.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::failure::Failure;
use crate::{input, replace};

/// Bytes of a checkpoint.
const MOST: u64 = 1 << 20;
/// How long an address may take to answer.
const TIME: Duration = Duration::from_secs(20);
/// What shows an address that it may take a checkpoint, if it asks for something.
const TOKEN: &str = "CASEWARD_PUBLISH_TOKEN";

/// Where a checkpoint is published.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    File(&'a Path),
    Address(&'a str),
}

/// What is published at a place, held so that nobody else publishes there unseen.
pub(crate) struct Published<'a> {
    place: Place<'a>,
    /// What is there; `None` where nothing is.
    pub(crate) note: Option<String>,
    /// What the address calls the version that is there.
    version: Option<String>,
    /// Held until the new one is written.
    _lock: Option<File>,
}

impl<'a> Place<'a> {
    /// The place of an argument: an address, or else a file.
    pub(crate) fn of(given: &'a str) -> Result<Self, Failure> {
        let Some((scheme, rest)) = given.split_once("://") else {
            return match given {
                "-" => Err(Failure::other("a checkpoint is published in a file or at an address: name one")),
                _ => Ok(Place::File(Path::new(given))),
            };
        };
        if rest.split(['/', '?']).next().unwrap_or_default().contains('@') {
            return Err(Failure::other(format!(
                "a password does not stand in an address: {TOKEN} has what shows that it may take a checkpoint"
            )));
        }
        match scheme {
            "https" => Ok(Place::Address(given)),
            "http" if is_loopback(rest) => Ok(Place::Address(given)),
            _ => Err(Failure::other(format!("`{given}`: an address begins with `https://`"))),
        }
    }

    /// What is published there.
    pub(crate) fn read(self) -> Result<Published<'a>, Failure> {
        match self {
            Place::File(path) => {
                is_plain(path)?;
                let lock = locked(path)?;
                let note = match std::fs::read(path) {
                    Err(error) if error.kind() == ErrorKind::NotFound => None,
                    Err(error) => return Err(Failure::file("read", input::name(path), &error)),
                    Ok(bytes) => Some(String::from_utf8(bytes).map_err(|_| {
                        Failure::other(format!("{}: it is no checkpoint", input::name(path)))
                    })?),
                };
                Ok(Published { place: self, note, version: None, _lock: Some(lock) })
            }
            Place::Address(address) => {
                let (note, version) = fetch(address)?;
                Ok(Published { place: self, note, version, _lock: None })
            }
        }
    }
}

impl Published<'_> {
    /// Puts a checkpoint in the place of what was published.
    pub(crate) fn replace(&self, note: &str) -> Result<(), Failure> {
        match self.place {
            Place::File(path) => replace::write(path, note.as_bytes()),
            Place::Address(address) => {
                put(address, note, self.note.is_some(), self.version.as_deref())?;
                match fetch(address)? {
                    (Some(there), _) if there == note => Ok(()),
                    _ => Err(of(address, "it took the checkpoint, and gives another one: see what is there")),
                }
            }
        }
    }
}

/// The checkpoint of a file or an address.
pub(crate) fn text(given: &str, most: usize) -> Result<String, Failure> {
    match Place::of(given)? {
        Place::File(path) => input::text(path, most),
        Place::Address(address) => fetch(address)?.0.ok_or_else(|| of(address, "there is no checkpoint")),
    }
}

/// Refuses what stands there and is no file that could be replaced: a pipe is waited for without end, and a link that leads
/// nowhere would be lost.
fn is_plain(path: &Path) -> Result<(), Failure> {
    match (path.symlink_metadata(), path.metadata()) {
        (Err(_), _) => Ok(()),
        (Ok(_), Ok(target)) if target.is_file() => Ok(()),
        _ => Err(Failure::other(format!(
            "{}: it is no file: a checkpoint is published where a file is, or nothing",
            input::name(path)
        ))),
    }
}

/// Waits for others that publish into the file.
fn locked(path: &Path) -> Result<File, Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let name = PathBuf::from(name);
    let held = File::options().create(true).truncate(false).write(true).open(&name);
    let held = held.and_then(|file| file.lock().map(|()| file));
    held.map_err(|error| Failure::file("lock", input::name(&name), &error))
}

fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn agent() -> ureq::Agent {
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<Certificate<'static>> =
        roots.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIME))
        .http_status_as_error(false)
        // An address that sends elsewhere is not the one that was named.
        .max_redirects(0)
        .tls_config(tls)
        .build();
    config.into()
}

/// A request that shows who publishes, where something is to be shown.
fn authorized<B>(asked: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
    match std::env::var(TOKEN) {
        Ok(token) => asked.header("authorization", format!("Bearer {token}")),
        Err(_) => asked,
    }
}

/// What is at an address, and what it calls that version.
fn fetch(address: &str) -> Result<(Option<String>, Option<String>), Failure> {
    let asked = authorized(agent().get(address)).header("cache-control", "no-cache");
    let mut answer = asked.call().map_err(|error| of(address, &error.to_string()))?;
    match answer.status().as_u16() {
        404 | 410 => return Ok((None, None)),
        200 => {}
        other => return Err(of(address, &format!("it answered {other} to GET"))),
    }
    let version = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let note = answer.body_mut().with_config().limit(MOST).read_to_string();
    Ok((Some(note.map_err(|error| of(address, &error.to_string()))?), version))
}

fn put(address: &str, note: &str, is_there: bool, version: Option<&str>) -> Result<(), Failure> {
    let mut asked = authorized(agent().put(address)).header("content-type", "text/plain; charset=utf-8");
    match version {
        Some(version) => asked = asked.header("if-match", version),
        None if !is_there => asked = asked.header("if-none-match", "*"),
        None => {}
    }
    let answer = asked.send(note).map_err(|error| of(address, &error.to_string()))?;
    match answer.status().as_u16() {
        200..=299 => Ok(()),
        412 => Err(of(address, "another checkpoint was published there in the meantime: run it again")),
        other => {
            Err(of(address, &format!("it answered {other} to PUT, and may not have taken the checkpoint")))
        }
    }
}

fn of(address: &str, why: &str) -> Failure {
    Failure::other(format!("{address}: {why}"))
}
