//! Tokens of people: JSON Web Tokens of one issuer, for one audience, by algorithms that are pinned.
//!
//! INVARIANT: the algorithm is one that the settings name and that the issuer's key is for; what the token says of itself
//! chooses among these, and nothing else. What is told of a token that is refused is always the same.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::sync::Mutex;

use super::fetch;
use crate::error::Error;
use crate::json;
use crate::settings::Jwt;

/// Bytes of a token.
const LONGEST: usize = 8_192;
/// How far clocks may be apart, in milliseconds.
const LEEWAY: i64 = 60_000;
/// How long keys are kept before they are fetched again; those that are known go on where that fails.
const KEPT: Duration = Duration::from_secs(600);
/// How soon after the last try a key that is not known is looked for.
const AGAIN: Duration = Duration::from_secs(30);

/// What verifies tokens.
pub(crate) struct Tokens {
    settings: Jwt,
    keys: RwLock<Arc<Vec<Key>>>,
    /// When it was last tried to fetch keys.
    tried: Mutex<Option<Instant>>,
}

/// A key of the issuer, as a JWKS writes it.
#[derive(Deserialize)]
struct Written {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

struct Key {
    kid: Option<String>,
    public: Public,
}

enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Public {
    fn algorithm(&self) -> &'static str {
        match self {
            Public::Rsa { .. } => "RS256",
            Public::P256(_) => "ES256",
            Public::Ed25519(_) => "EdDSA",
        }
    }

    fn verifies(&self, message: &[u8], signed: &[u8]) -> bool {
        let verified = match self {
            Public::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                message,
                signed,
            ),
            Public::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signed)
            }
            Public::Ed25519(point) => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(message, signed)
            }
        };
        verified.is_ok()
    }
}

/// Why a token is refused: told to nobody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Form,
    Algorithm,
    Key,
    Signature,
    Claims,
}

impl Tokens {
    pub(crate) fn new(settings: &Jwt) -> Result<Self, Error> {
        Ok(Tokens { settings: settings.clone(), keys: RwLock::default(), tried: Mutex::new(None) })
    }

    /// Fetches the issuer's keys, where the last time was too long ago. What is known goes on where it fails.
    pub(crate) async fn refresh(&self) -> Result<(), String> {
        self.refresh_after(KEPT).await
    }

    async fn refresh_after(&self, age: Duration) -> Result<(), String> {
        let mut tried = self.tried.lock().await;
        if tried.is_some_and(|at| at.elapsed() < age) {
            return Ok(());
        }
        *tried = Some(Instant::now());
        let address = match &self.settings.jwks {
            Some(address) => address.clone(),
            None => self.discover().await?,
        };
        let read = read_keys(&fetch::get(&address).await?);
        let keys = read.ok_or_else(|| format!("{address}: no JSON Web Key Set"))?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    async fn discover(&self) -> Result<String, String> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let address = format!("{issuer}/.well-known/openid-configuration");
        let document = json::read(&fetch::get(&address).await?, 32)?;
        if document.get("issuer").and_then(Json::as_str) != Some(&self.settings.issuer) {
            return Err(format!("{address} is of another issuer"));
        }
        let keys = document.get("jwks_uri").and_then(Json::as_str);
        keys.map(str::to_owned).ok_or_else(|| format!("{address} names no `jwks_uri`"))
    }

    /// The subject of a token that is valid now.
    pub(crate) async fn verify(&self, token: &str, now: i64) -> Result<String, Refused> {
        match self.check(token, now) {
            Err(Refused::Key) => {
                // It may be a new one. Whoever sends made-up ids does not make us fetch more often.
                let _ = self.refresh_after(AGAIN).await;
                self.check(token, now)
            }
            done => done,
        }
    }

    fn check(&self, token: &str, now: i64) -> Result<String, Refused> {
        if token.len() > LONGEST {
            return Err(Refused::Form);
        }
        let (message, signed) = token.rsplit_once('.').ok_or(Refused::Form)?;
        let (header, claims) = message.split_once('.').ok_or(Refused::Form)?;
        let header = part(header)?;
        // Whatever it holds would have to be understood.
        if header.get("crit").is_some() || header.get("b64").is_some() {
            return Err(Refused::Form);
        }
        let algorithm = header.get("alg").and_then(Json::as_str).ok_or(Refused::Algorithm)?;
        if !self.settings.algorithms.iter().any(|one| one == algorithm) {
            return Err(Refused::Algorithm);
        }
        let kid = header.get("kid").and_then(Json::as_str);
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut fitting = keys.iter().filter(|key| {
            key.public.algorithm() == algorithm && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid))
        });
        let key = match (fitting.next(), fitting.next()) {
            (Some(key), None) => key,
            _ => return Err(Refused::Key),
        };
        let signed = URL_SAFE_NO_PAD.decode(signed).map_err(|_| Refused::Form)?;
        if !key.public.verifies(message.as_bytes(), &signed) {
            return Err(Refused::Signature);
        }
        self.subject(&part(claims)?, now).ok_or(Refused::Claims)
    }

    fn subject(&self, claims: &Json, now: i64) -> Option<String> {
        let seconds = |name: &str| claims.get(name).and_then(Json::as_f64);
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds since 1970 have no fraction that counts here"
        )]
        let (now, leeway) = (now as f64 / 1_000.0, LEEWAY as f64 / 1_000.0);
        let is_for_us = match claims.get("aud")? {
            Json::String(one) => *one == self.settings.audience,
            Json::Array(all) => all.iter().any(|one| one.as_str() == Some(&self.settings.audience)),
            _ => false,
        };
        let begins = |name: &str| match claims.get(name) {
            None => true,
            Some(at) => at.as_f64().is_some_and(|at| at <= now + leeway),
        };
        let is_valid = claims.get("iss")?.as_str()? == self.settings.issuer
            && is_for_us
            && seconds("exp")? > now - leeway
            && begins("nbf")
            && begins("iat");
        let subject = claims.get("sub")?.as_str()?;
        (is_valid && !subject.is_empty()).then(|| subject.to_owned())
    }
}

fn part(text: &str) -> Result<Json, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Form)?;
    let read = json::read(&bytes, 16).map_err(|_| Refused::Form)?;
    if read.is_object() { Ok(read) } else { Err(Refused::Form) }
}

/// The keys of a JWKS that can be used. Those of other kinds are passed over: an issuer may have them for others.
fn read_keys(text: &[u8]) -> Option<Vec<Key>> {
    let read = json::read(text, 16).ok()?;
    let all = read.get("keys")?.as_array()?;
    Some(all.iter().filter_map(|one| serde_json::from_value(one.clone()).ok().and_then(key)).collect())
}

fn key(written: Written) -> Option<Key> {
    let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    if written.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let public = match (written.kty.as_str(), written.crv.as_deref()) {
        ("RSA", _) => Public::Rsa { n: bytes(&written.n)?, e: bytes(&written.e)? },
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes(&written.x)?, bytes(&written.y)?);
            if (x.len(), y.len()) != (32, 32) {
                return None;
            }
            Public::P256([&[4][..], &x, &y].concat())
        }
        ("OKP", Some("Ed25519")) => Public::Ed25519(bytes(&written.x)?),
        _ => return None,
    };
    let is_for = written.alg.as_deref().is_none_or(|algorithm| algorithm == public.algorithm());
    is_for.then_some(Key { kid: written.kid, public })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
    use serde_json::{Value as Json, json};

    use super::{Public, Refused, Tokens, read_keys};
    use crate::settings::Jwt;

    const NOW: i64 = 1_778_446_800_000;

    struct Issuer {
        ed: Ed25519KeyPair,
        ec: EcdsaKeyPair,
        random: SystemRandom,
    }

    impl Issuer {
        fn new() -> Self {
            let random = SystemRandom::new();
            let ed = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
            let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
            Issuer {
                ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("a key"),
                ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random)
                    .expect("a key"),
                random,
            }
        }

        fn keys(&self) -> Json {
            let point = self.ec.public_key().as_ref();
            let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            json!({"keys": [
                {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": text(self.ed.public_key().as_ref())},
                {"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "alg": "ES256",
                 "x": text(&point[1..33]), "y": text(&point[33..])},
                {"kty": "EC", "crv": "P-521", "kid": "other", "x": "AA", "y": "AA"},
                {"kty": "oct", "kid": "secret", "k": "AA"},
            ]})
        }

        fn sign(&self, header: &Json, claims: &Json) -> String {
            let text = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
            let message = format!("{}.{}", text(header), text(claims));
            let signed = match header["kid"].as_str() {
                Some("ec") => {
                    self.ec.sign(&self.random, message.as_bytes()).expect("signed").as_ref().to_vec()
                }
                _ => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
            };
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed))
        }

        fn tokens(&self, algorithms: &[&str]) -> Tokens {
            let settings = Jwt {
                issuer: "https://id.example".to_owned(),
                audience: "caseward".to_owned(),
                jwks: None,
                algorithms: algorithms.iter().map(|one| (*one).to_owned()).collect(),
            };
            let tokens = Tokens::new(&settings).expect("settings");
            let keys = read_keys(self.keys().to_string().as_bytes()).expect("keys");
            *tokens.keys.write().expect("a lock") = Arc::new(keys);
            tokens
        }
    }

    fn claims() -> Json {
        json!({"iss": "https://id.example", "aud": ["other", "caseward"], "sub": "u1",
            "exp": NOW / 1_000 + 300, "iat": NOW / 1_000})
    }

    #[test]
    fn a_token_of_the_issuer_names_its_subject() {
        let issuer = Issuer::new();
        let tokens = issuer.tokens(&["ES256", "EdDSA"]);
        for (alg, kid) in [("EdDSA", "ed"), ("ES256", "ec")] {
            let token = issuer.sign(&json!({"alg": alg, "kid": kid, "typ": "JWT"}), &claims());
            assert_eq!(tokens.check(&token, NOW), Ok("u1".to_owned()), "{alg}");
        }
        let unnamed = issuer.sign(&json!({"alg": "EdDSA"}), &claims());
        assert_eq!(tokens.check(&unnamed, NOW), Ok("u1".to_owned()), "the only key of its kind");
    }

    #[test]
    fn whatever_is_amiss_is_refused() {
        let issuer = Issuer::new();
        let tokens = issuer.tokens(&["EdDSA"]);
        let header = json!({"alg": "EdDSA", "kid": "ed"});
        let good = issuer.sign(&header, &claims());
        assert!(tokens.check(&good, NOW).is_ok());
        let with = |name: &str, value: Json| {
            let mut claims = claims();
            claims[name] = value;
            tokens.check(&issuer.sign(&header, &claims), NOW)
        };
        let now = NOW / 1_000;
        for (name, value) in [
            ("iss", json!("https://id.example/")),
            ("aud", json!("other")),
            ("aud", json!(7)),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("exp", json!(now - 61)),
            ("exp", json!("never")),
            ("exp", Json::Null),
            ("nbf", json!(now + 61)),
            ("iat", json!(now + 61)),
            ("nbf", json!("then")),
        ] {
            assert_eq!(with(name, value.clone()), Err(Refused::Claims), "{name} {value}");
        }
        let headed = |header: Json| tokens.check(&issuer.sign(&header, &claims()), NOW);
        assert_eq!(headed(json!({"alg": "none"})), Err(Refused::Algorithm));
        assert_eq!(headed(json!({"alg": "ES256", "kid": "ec"})), Err(Refused::Algorithm), "it is not pinned");
        assert_eq!(headed(json!({"alg": "HS256", "kid": "secret"})), Err(Refused::Algorithm));
        assert_eq!(headed(json!({"alg": "EdDSA", "kid": "ec"})), Err(Refused::Key), "a key of another kind");
        assert_eq!(headed(json!({"alg": "EdDSA", "kid": "new"})), Err(Refused::Key));
        assert_eq!(headed(json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"]})), Err(Refused::Form));
        let (message, _) = good.rsplit_once('.').expect("a signature");
        let other = Issuer::new().sign(&header, &claims());
        let (_, foreign) = other.rsplit_once('.').expect("a signature");
        assert_eq!(tokens.check(&format!("{message}.{foreign}"), NOW), Err(Refused::Signature));
        assert_eq!(tokens.check(&format!("{message}."), NOW), Err(Refused::Signature));
        for form in ["", ".", "..", "a.b.c", message] {
            assert!(tokens.check(form, NOW).is_err(), "{form}");
        }
        assert_eq!(tokens.check(&format!("{good}{}", "A".repeat(9_000)), NOW), Err(Refused::Form));
    }

    /// The example of RFC 7515, A.2: a signature by another hand.
    #[test]
    fn rsa_signatures_are_verified() {
        let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR\
                 T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-U\
                 To7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkM\
                 Ls91kzk2PAcDTW9gb54h4FRWyuXpoQ";
        let message = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p\
                       c19yb290Ijp0cnVlfQ";
        let signed = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbd\
                      s9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_\
                      eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A\
                      XLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let text = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64");
        let key = Public::Rsa { n: text(n), e: text("AQAB") };
        assert!(key.verifies(message.as_bytes(), &text(signed)));
        assert!(!key.verifies(&message.as_bytes()[1..], &text(signed)));
    }
}
