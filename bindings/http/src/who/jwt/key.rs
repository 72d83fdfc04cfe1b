//! Keys of an issuer, as a JSON Web Key Set has them.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize as _;

use crate::json;

/// Keys of a set, at most: each is looked at for each token.
const MOST: usize = 100;

/// A public key that signs tokens.
pub(super) struct Key {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(super) public: DecodingKey,
}

impl Key {
    /// Whether it may have signed a token that says this of itself.
    pub(super) fn fits(&self, algorithm: Algorithm, kid: Option<&str>) -> bool {
        self.algorithms.contains(&algorithm) && kid.is_none_or(|kid| self.kid.as_deref() == Some(kid))
    }
}

/// The keys of a JWKS that can be used; none where it is no JWKS, or has too many. Those of other kinds are passed over: an
/// issuer may have them for others.
pub(super) fn read_keys(text: &[u8]) -> Option<Vec<Key>> {
    let read = json::read(text, 16).ok()?;
    let all = read.get("keys")?.as_array().filter(|all| all.len() <= MOST)?;
    Some(all.iter().filter_map(|one| Jwk::deserialize(one).ok().as_ref().and_then(key)).collect())
}

fn key(written: &Jwk) -> Option<Key> {
    let common = &written.common;
    if common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return None;
    }
    let fit: &[Algorithm] = match &written.algorithm {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(of) if of.curve == EllipticCurve::P256 => &[Algorithm::ES256],
        AlgorithmParameters::EllipticCurve(of) if of.curve == EllipticCurve::P384 => &[Algorithm::ES384],
        AlgorithmParameters::OctetKeyPair(of) if of.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        // A secret is no key of an issuer's: whoever has the set could sign.
        _ => return None,
    };
    let algorithms: Vec<Algorithm> = match common.key_algorithm {
        None => fit.to_vec(),
        Some(said) => Algorithm::try_from(said).ok().filter(|said| fit.contains(said)).into_iter().collect(),
    };
    let public = DecodingKey::from_jwk(written).ok()?;
    Some(Key { kid: common.key_id.clone(), algorithms, public })
}
