//! Who asks, and what they may ask.
//!
//! INVARIANT: a caller is made here alone, from a credential that was verified, or from development on loopback.

pub(crate) mod jwt;
pub(crate) mod keys;
mod rate;
mod signed;

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use caseward::EntityUid;

use crate::app::App;
use crate::error::Error;
use crate::fetch;
use crate::problem::Problem;
use crate::settings::Settings;
use jwt::{Refused, Tokens};
use keys::{Key, Keys, Right};

/// The header that names the person, where a service or development asks on their behalf.
pub(crate) const PERSON: HeaderName = HeaderName::from_static("x-caseward-user");

/// What callers are known by.
pub(crate) struct Who {
    keys: RwLock<Arc<Keys>>,
    tokens: Option<Arc<Tokens>>,
    development: bool,
}

/// Who asks.
pub(crate) struct Caller {
    /// What search tokens are bound to: the name of a key, or the person of a token.
    pub(crate) name: String,
    rights: Vec<Right>,
    /// Whether decisions come with their reasons.
    pub(crate) reasons: bool,
    /// The person, where it is known who it is, or on whose behalf a service asks.
    person: Option<String>,
    /// What they brought; `None` in development.
    credential: Option<Credential>,
}

/// What a caller brought.
enum Credential {
    /// A key or a token.
    Bearer(String),
    Certificate(Peer),
}

/// What the certificate of the other side of a connection is for, which was verified: its DNS names and URIs.
#[derive(Clone)]
pub(crate) struct Peer(pub(crate) Arc<[String]>);

impl Who {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let keys = match &settings.keys {
            Some(path) => Keys::read_file(path)?,
            None => Keys::default(),
        };
        let tokens = settings.jwt.as_ref().map(|jwt| Tokens::new(jwt).map(Arc::new)).transpose()?;
        Ok(Who { keys: RwLock::new(Arc::new(keys)), tokens, development: settings.development })
    }

    /// Puts other keys in force; whether there are others.
    pub(crate) fn replace(&self, keys: Keys) -> bool {
        let mut now = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let are_others = !keys.are(&now);
        *now = Arc::new(keys.going_on_from(&now));
        are_others
    }

    pub(crate) fn tokens(&self) -> Option<&Arc<Tokens>> {
        self.tokens.as_ref()
    }

    /// Whether anybody can ask anything.
    pub(crate) fn is_open_to_nobody(&self) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.is_empty() && self.tokens.is_none() && !self.development
    }

    async fn caller(&self, parts: &Parts, now: i64) -> Result<Caller, Problem> {
        let headers = &parts.headers;
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let credential = match (all.next(), all.next()) {
            (None, _) if parts.extensions.get::<Peer>().is_some() => return self.by_certificate(parts, now),
            (None, _) if self.development => return development(parts),
            (None, _) => {
                return Err(Problem::unknown_caller("bring a key or a token: `Authorization: Bearer …`"));
            }
            (Some(one), None) => one,
            (Some(_), Some(_)) => {
                return Err(Problem::unknown_caller("there are two `Authorization` headers"));
            }
        };
        let unknown =
            || Problem::unknown_caller("the key or the token is not known, or is not valid any more");
        let text = credential.to_str().map_err(|_| unknown())?;
        let (scheme, credential) = text.split_once(' ').ok_or_else(unknown)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Problem::unknown_caller("the credential is a bearer's: `Authorization: Bearer …`"));
        }
        let credential = credential.trim();
        if credential.starts_with(keys::MARK) {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
            let key = keys.find(credential, now).ok_or_else(unknown)?;
            return by_key("key", key, headers, Credential::Bearer(credential.to_owned()));
        }
        let tokens = self.tokens.clone().ok_or_else(unknown)?;
        let person = tokens.verify(credential, now).await.map_err(|why| match why {
            Refused::NoKeys => {
                Problem::busy("the keys of the issuer of tokens could not be had yet: ask again")
            }
            _ => unknown(),
        })?;
        if named(headers)?.is_some() {
            return Err(Problem::forbidden("the token says who asks: leave `X-Caseward-User` out"));
        }
        let rights = vec![Right::Read, Right::Command, Right::Audit];
        let credential = Some(Credential::Bearer(credential.to_owned()));
        let name = format!("person {person}");
        Ok(Caller { name, rights, reasons: false, person: Some(person), credential })
    }

    /// A service that is known by the certificate of its connection.
    fn by_certificate(&self, parts: &Parts, now: i64) -> Result<Caller, Problem> {
        let peer = parts.extensions.get::<Peer>().cloned();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let found = peer.and_then(|peer| Some((keys.of_certificate(&peer.0, now)?, peer)));
        let unknown = "the certificate is of nobody who may ask, and there is no key or token beside it";
        let (key, peer) = found.ok_or_else(|| Problem::unknown_caller(unknown))?;
        by_key("certificate", key, &parts.headers, Credential::Certificate(peer))
    }

    /// Whether a credential still gives a right; a token, of this person.
    async fn still_gives(
        &self,
        credential: &Credential,
        (right, person): (Right, Option<&str>),
        now: i64,
    ) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let credential = match credential {
            Credential::Bearer(credential) => credential,
            Credential::Certificate(peer) => {
                return keys.of_certificate(&peer.0, now).is_some_and(|key| key.may.contains(&right));
            }
        };
        if credential.starts_with(keys::MARK) {
            return keys.find(credential, now).is_some_and(|key| key.may.contains(&right));
        }
        let Some(tokens) = self.tokens.clone() else { return false };
        tokens.verify(credential, now).await.is_ok_and(|of| Some(of.as_str()) == person)
    }
}

/// Whoever has a key, or what is like one.
fn by_key(kind: &str, key: &Key, headers: &HeaderMap, credential: Credential) -> Result<Caller, Problem> {
    key.take_one()?;
    Ok(Caller {
        name: format!("{kind} {}", key.name),
        rights: key.may.clone(),
        reasons: key.reasons,
        person: named(headers)?,
        credential: Some(credential),
    })
}

/// Whoever asks in development, on loopback.
fn development(parts: &Parts) -> Result<Caller, Problem> {
    let headers = &parts.headers;
    // A page of another site may be led to loopback by its name: such a request does not call us by ours. HTTP/2, and
    // HTTP/1.1 to a proxy, name us in the address.
    let hosts = headers.get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let mut names = hosts.chain(parts.uri.authority().map(|authority| authority.as_str()));
    if !names.all(is_called_loopback) {
        return Err(Problem::forbidden(
            "development is asked by a name of loopback alone, such as localhost",
        ));
    }
    let rights = Right::ALL.to_vec();
    let (name, person) = ("development".to_owned(), named(headers)?);
    Ok(Caller { name, rights, reasons: false, person, credential: None })
}

/// Whether a name that we are called by, with its port or without, is one of loopback.
fn is_called_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    fetch::is_loopback(&name.to_ascii_lowercase())
}

/// The person that a header names.
fn named(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut all = headers.get_all(PERSON).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => match std::str::from_utf8(one.as_bytes()) {
            Ok(id) if !id.is_empty() => Ok(Some(id.to_owned())),
            _ => Err(Problem::malformed("`X-Caseward-User` is the id of a person")),
        },
        (Some(_), Some(_)) => Err(Problem::malformed("there are two `X-Caseward-User` headers")),
    }
}

impl Caller {
    /// Refuses whoever has not this right.
    pub(crate) fn require(&self, right: Right) -> Result<(), Problem> {
        match self.rights.contains(&right) {
            true => Ok(()),
            false => Err(Problem::forbidden(format!("this credential may not {}", right.name()))),
        }
    }

    /// Whether what they brought still gives a right: a key may be taken away, and a token ends, while they are told.
    pub(crate) async fn still_has(&self, app: &App, right: Right) -> bool {
        let Some(credential) = &self.credential else { return true };
        app.who.still_gives(credential, (right, self.person.as_deref()), (app.clock)()).await
    }

    /// The person who asks, or on whose behalf a service does; with this right.
    pub(crate) fn person(&self, app: &App, right: Right) -> Result<EntityUid, Problem> {
        self.require(right)?;
        let person = self.person.as_deref();
        person
            .map(|id| app.person(id))
            .ok_or_else(|| Problem::malformed("say who asks: `X-Caseward-User: …` with their id"))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        app.who.caller(parts, (app.clock)()).await
    }
}
