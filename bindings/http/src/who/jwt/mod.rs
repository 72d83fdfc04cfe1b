//! Tokens of people: JSON Web Tokens of one issuer, for one audience, by algorithms that are pinned.
//!
//! INVARIANT: the algorithm is one that the settings name and that the issuer's key is for; what the token says of itself
//! chooses among these, and nothing else. What is told of a token that is refused is always the same.

mod key;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::sync::{Mutex, MutexGuard};

use super::signed;
use crate::error::Error;
use crate::fetch;
use crate::json;
use crate::settings::Jwt;
use key::{Key, read_keys};

/// Bytes of a token.
const LONGEST: usize = 8_192;
/// How far clocks may be apart, in seconds.
const LEEWAY: f64 = 60.0;

/// How often the issuer is asked.
struct Pace {
    /// How long keys are kept before they are fetched again; those that are known go on where that fails.
    kept: Duration,
    /// How soon after the last try it is tried again: for a key that is not known, and where the last try failed.
    again: Duration,
    /// How long one document may take.
    time: Duration,
}

const PACE: Pace =
    Pace { kept: Duration::from_secs(600), again: Duration::from_secs(30), time: Duration::from_secs(5) };

/// What verifies tokens.
pub(crate) struct Tokens {
    settings: Jwt,
    algorithms: Vec<Algorithm>,
    pace: Pace,
    /// `None` until they came once.
    keys: RwLock<Option<Arc<Vec<Key>>>>,
    tried: Mutex<Tried>,
}

/// When it was last tried to fetch keys, and whether they came.
#[derive(Default)]
struct Tried {
    at: Option<Instant>,
    is_done: bool,
}

/// What is read of a token's claims; its issuer and audience are judged before.
#[derive(Deserialize)]
struct Claims {
    #[expect(dead_code, reason = "one text, and no list of issuers")]
    iss: String,
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iat: Option<f64>,
}

/// Why a token is refused: told to nobody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Form,
    Algorithm,
    Key,
    /// Of the issuer no key is known at all: whether the token is valid cannot be said.
    NoKeys,
    Signature,
    Claims,
}

impl Tokens {
    pub(crate) fn new(settings: &Jwt) -> Result<Self, Error> {
        signed::by_ring();
        let algorithms = settings.algorithms()?;
        let (keys, tried) = (RwLock::default(), Mutex::default());
        Ok(Tokens { settings: settings.clone(), algorithms, pace: PACE, keys, tried })
    }

    /// Fetches the issuer's keys, where the last time was too long ago. What is known goes on where it fails.
    pub(crate) async fn refresh(&self) -> Result<(), String> {
        let tried = self.tried.lock().await;
        let age = if tried.is_done { self.pace.kept } else { self.pace.again };
        self.fetch(tried, age).await
    }

    async fn fetch(&self, mut tried: MutexGuard<'_, Tried>, age: Duration) -> Result<(), String> {
        if tried.at.is_some_and(|at| at.elapsed() < age) {
            return Ok(());
        }
        *tried = Tried { at: Some(Instant::now()), is_done: false };
        let address = match &self.settings.jwks {
            Some(address) => address.clone(),
            None => self.discover().await?,
        };
        let read = read_keys(&fetch::get(&address, self.pace.time).await?);
        let keys = read.ok_or_else(|| format!("{address}: no JSON Web Key Set"))?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
        tried.is_done = true;
        Ok(())
    }

    async fn discover(&self) -> Result<String, String> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let address = format!("{issuer}/.well-known/openid-configuration");
        let document = json::read(&fetch::get(&address, self.pace.time).await?, 32)?;
        if document.get("issuer").and_then(Json::as_str) != Some(&self.settings.issuer) {
            return Err(format!("{address} is of another issuer"));
        }
        let keys = document.get("jwks_uri").and_then(Json::as_str);
        keys.map(str::to_owned).ok_or_else(|| format!("{address} names no `jwks_uri`"))
    }

    /// The subject of a token that is valid now, in milliseconds since 1970.
    pub(crate) async fn verify(&self, token: &str, now: i64) -> Result<String, Refused> {
        match self.check(token, now) {
            Err(Refused::Key | Refused::NoKeys) => {
                // It may be a new one. Whoever sends made-up ids does not make us fetch more often, and waits for nobody else's
                // fetch: an issuer that is slow would hold up as many requests as are answered at once.
                let Ok(tried) = self.tried.try_lock() else { return self.check(token, now) };
                let _ = self.fetch(tried, self.pace.again).await;
                self.check(token, now)
            }
            done => done,
        }
    }

    fn check(&self, token: &str, now: i64) -> Result<String, Refused> {
        if token.len() > LONGEST {
            return Err(Refused::Form);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Form)?;
        // Whatever it holds would have to be understood.
        if header.crit.is_some() || header.extras.inner().contains_key("b64") {
            return Err(Refused::Form);
        }
        if !self.algorithms.contains(&header.alg) {
            return Err(Refused::Algorithm);
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let keys = keys.ok_or(Refused::NoKeys)?;
        let mut fitting = keys.iter().filter(|key| key.fits(header.alg, header.kid.as_deref()));
        // Where two would do, it is not said which is meant.
        let (Some(key), None) = (fitting.next(), fitting.next()) else { return Err(Refused::Key) };
        let read = jsonwebtoken::decode::<Claims>(token, &key.public, &self.validation(header.alg));
        let claims = read.map_err(|error| refused(error.kind()))?.claims;
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds since 1970 have no fraction that counts here"
        )]
        let now = now as f64 / 1_000.0;
        let has_begun = |at: Option<f64>| at.is_none_or(|at| at <= now + LEEWAY);
        let is_valid = claims.exp > now - LEEWAY && has_begun(claims.nbf) && has_begun(claims.iat);
        (is_valid && !claims.sub.is_empty()).then_some(claims.sub).ok_or(Refused::Claims)
    }

    /// What is asked of the claims; of times by the service's clock, not by the library's.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        validation.validate_exp = false;
        validation
    }
}

fn refused(kind: &ErrorKind) -> Refused {
    match kind {
        ErrorKind::InvalidSignature => Refused::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => Refused::Algorithm,
        ErrorKind::Json(_)
        | ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::InvalidIssuer
        | ErrorKind::InvalidAudience => Refused::Claims,
        _ => Refused::Form,
    }
}
