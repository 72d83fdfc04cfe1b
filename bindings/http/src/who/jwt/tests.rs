//! Tokens against an issuer of the test's own, over HTTP.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use super::{Pace, Refused, Tokens, read_keys};
use crate::settings::Jwt;

const NOW: i64 = 1_778_446_800_000;

/// The keys of an issuer.
struct Signer {
    ed: Ed25519KeyPair,
    ec: EcdsaKeyPair,
    random: SystemRandom,
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        Signer {
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("a key"),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random)
                .expect("a key"),
            random,
        }
    }

    fn ed(&self, kid: &str) -> Json {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(self.ed.public_key().as_ref())})
    }

    fn keys(&self) -> Json {
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            self.ed("ed"),
            {"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "alg": "ES256",
             "x": text(&point[1..33]), "y": text(&point[33..])},
            {"kty": "EC", "crv": "P-521", "kid": "other", "x": "AA", "y": "AA"},
            {"kty": "EC", "crv": "P-256", "kid": "broken", "x": "AA"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "sealing", "use": "enc", "x": text(self.ed.public_key().as_ref())},
            {"kty": "oct", "kid": "secret", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
            7,
        ]})
    }

    fn sign(&self, header: &Json, claims: &Json) -> String {
        let message =
            format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()));
        let signed = match header["kid"].as_str() {
            Some("ec") => self.ec.sign(&self.random, message.as_bytes()).expect("signed").as_ref().to_vec(),
            _ => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", text(&signed))
    }

    fn tokens(&self, algorithms: &[&str]) -> Tokens {
        let tokens = Tokens::new(&settings("https://id.example", algorithms)).expect("settings");
        let keys = read_keys(self.keys().to_string().as_bytes()).expect("keys");
        *tokens.keys.write().expect("a lock") = Some(Arc::new(keys));
        tokens
    }
}

fn settings(issuer: &str, algorithms: &[&str]) -> Jwt {
    Jwt {
        issuer: issuer.to_owned(),
        audience: "caseward".to_owned(),
        jwks: None,
        algorithms: algorithms.iter().map(|one| (*one).to_owned()).collect(),
    }
}

fn claims(issuer: &str) -> Json {
    json!({"iss": issuer, "aud": ["other", "caseward"], "sub": "u1", "exp": NOW / 1_000 + 300, "iat": NOW / 1_000})
}

#[test]
fn a_token_of_the_issuer_names_its_subject() {
    let (signer, claims) = (Signer::new(), claims("https://id.example"));
    let tokens = signer.tokens(&["ES256", "EdDSA"]);
    for (alg, kid) in [("EdDSA", "ed"), ("ES256", "ec")] {
        let token = signer.sign(&json!({"alg": alg, "kid": kid, "typ": "JWT"}), &claims);
        assert_eq!(tokens.check(&token, NOW), Ok("u1".to_owned()), "{alg}");
    }
    let unnamed = signer.sign(&json!({"alg": "EdDSA"}), &claims);
    assert_eq!(tokens.check(&unnamed, NOW), Ok("u1".to_owned()), "the only key of its kind");
}

#[test]
fn claims_that_are_not_for_us_now_are_refused() {
    let (signer, now) = (Signer::new(), NOW / 1_000);
    let tokens = signer.tokens(&["EdDSA"]);
    let with = |name: &str, value: Json| {
        let mut claims = claims("https://id.example");
        claims[name] = value;
        tokens.check(&signer.sign(&json!({"alg": "EdDSA", "kid": "ed"}), &claims), NOW)
    };
    for (name, value) in
        [("exp", json!(now - 59)), ("exp", json!(1e12)), ("nbf", json!(now + 59)), ("aud", json!("caseward"))]
    {
        assert_eq!(with(name, value.clone()), Ok("u1".to_owned()), "{name} {value}");
    }
    for (name, value) in [
        ("iss", json!("https://id.example/")),
        ("iss", json!(["https://id.example"])),
        ("iss", Json::Null),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("aud", json!(7)),
        ("aud", Json::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", Json::Null),
        ("exp", json!(now - 61)),
        ("exp", json!("never")),
        ("exp", Json::Null),
        ("nbf", json!(now + 61)),
        ("iat", json!(now + 61)),
        ("nbf", json!("then")),
    ] {
        assert_eq!(with(name, value.clone()), Err(Refused::Claims), "{name} {value}");
    }
}

#[test]
fn what_a_token_says_of_itself_chooses_nothing_else() {
    let (signer, claims) = (Signer::new(), claims("https://id.example"));
    let tokens = signer.tokens(&["EdDSA"]);
    let headed = |header: Json| tokens.check(&signer.sign(&header, &claims), NOW);
    assert_eq!(headed(json!({"alg": "ES256", "kid": "ec"})), Err(Refused::Algorithm), "it is not pinned");
    assert_eq!(headed(json!({"alg": "HS256", "kid": "secret"})), Err(Refused::Algorithm));
    for unknown in ["none", "None", "ES512", "", "RSA1_5"] {
        assert_eq!(headed(json!({"alg": unknown, "kid": "ed"})), Err(Refused::Form), "{unknown}");
    }
    for kid in ["ec", "new", "sealing", "secret", ""] {
        let refused = tokens.check(&signer.sign(&json!({"alg": "EdDSA", "kid": kid}), &claims), NOW);
        assert_eq!(refused, Err(Refused::Key), "{kid}");
    }
    for odd in [
        json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"]}),
        json!({"alg": "EdDSA", "kid": "ed", "crit": []}),
        json!({"alg": "EdDSA", "kid": "ed", "b64": false}),
        json!({"alg": ["EdDSA"], "kid": "ed"}),
        json!({"kid": "ed"}),
    ] {
        assert_eq!(headed(odd.clone()), Err(Refused::Form), "{odd}");
    }
    // The public key of the issuer is no secret to sign with, and an algorithm of the same family no other's.
    let message =
        format!("{}.{}", text(br#"{"alg":"HS256","kid":"ed"}"#), text(claims.to_string().as_bytes()));
    let secret = hmac::Key::new(hmac::HMAC_SHA256, signer.ed.public_key().as_ref());
    let forged = format!("{message}.{}", text(hmac::sign(&secret, message.as_bytes()).as_ref()));
    assert_eq!(tokens.check(&forged, NOW), Err(Refused::Algorithm));
    let twice = br#"{"alg":"EdDSA","alg":"none","kid":"ed"}"#;
    let message = format!("{}.{}", text(twice), text(claims.to_string().as_bytes()));
    let signed = text(signer.ed.sign(message.as_bytes()).as_ref());
    assert_eq!(tokens.check(&format!("{message}.{signed}"), NOW), Err(Refused::Form));
}

#[test]
fn signatures_of_others_and_what_is_no_token_are_refused() {
    let (signer, claims) = (Signer::new(), claims("https://id.example"));
    let tokens = signer.tokens(&["EdDSA"]);
    let header = json!({"alg": "EdDSA", "kid": "ed"});
    let good = signer.sign(&header, &claims);
    let (message, _) = good.rsplit_once('.').expect("a signature");
    let other = Signer::new().sign(&header, &claims);
    let (_, foreign) = other.rsplit_once('.').expect("a signature");
    assert_eq!(tokens.check(&format!("{message}.{foreign}"), NOW), Err(Refused::Signature));
    assert_eq!(tokens.check(&format!("{message}."), NOW), Err(Refused::Signature));
    for form in ["", ".", "..", "a.b.c", message, &format!("{good}.x")] {
        assert!(tokens.check(form, NOW).is_err(), "{form}");
    }
    assert_eq!(tokens.check(&format!("{good}{}", "A".repeat(9_000)), NOW), Err(Refused::Form));
}

/// The example of RFC 7515, A.2: a signature by another hand, of claims that are long over.
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
    let key = json!({"kty": "RSA", "n": n, "e": "AQAB"});
    let tokens = |algorithms: &[&str], key: &Json| {
        let tokens = Tokens::new(&settings("joe", algorithms)).expect("settings");
        let keys = read_keys(json!({"keys": [key]}).to_string().as_bytes()).expect("keys");
        *tokens.keys.write().expect("a lock") = Some(Arc::new(keys));
        tokens
    };
    let token = format!("{message}.{signed}");
    // The signature is good; the claims lack what we ask for.
    assert_eq!(tokens(&["RS256"], &key).check(&token, NOW), Err(Refused::Claims));
    let altered = token.replace("19yb290", "19yb291");
    assert_eq!(tokens(&["RS256"], &key).check(&altered, NOW), Err(Refused::Signature));
    assert_eq!(tokens(&["PS256"], &key).check(&token, NOW), Err(Refused::Algorithm));
    let other = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "PS256"});
    assert_eq!(tokens(&["RS256"], &other).check(&token, NOW), Err(Refused::Key), "the key is for another");
}

/// An issuer: what it answers, how long it takes, and how often it was asked for keys.
#[derive(Clone, Default)]
struct Issuer(Arc<Answering>);

#[derive(Default)]
struct Answering {
    issuer: Mutex<String>,
    keys: Mutex<(u16, String)>,
    delay: Mutex<Duration>,
    asked: AtomicU32,
}

impl Issuer {
    async fn start() -> (Self, Tokens) {
        let issuer = Issuer::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        issuer.0.issuer.lock().expect("a lock").clone_from(&base);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .with_state(issuer.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        let mut tokens = Tokens::new(&settings(&base, &["EdDSA"])).expect("settings");
        let (kept, again, time) = (Duration::from_secs(600), Duration::ZERO, Duration::from_millis(500));
        tokens.pace = Pace { kept, again, time };
        (issuer, tokens)
    }

    fn base(&self) -> String {
        self.0.issuer.lock().expect("a lock").clone()
    }

    fn has(&self, keys: &Json) {
        self.answers(200, &json!({"keys": keys}).to_string());
    }

    fn answers(&self, status: u16, text: &str) {
        *self.0.keys.lock().expect("a lock") = (status, text.to_owned());
    }

    fn asked(&self) -> u32 {
        self.0.asked.load(Ordering::SeqCst)
    }
}

async fn discovery(State(issuer): State<Issuer>) -> String {
    let base = issuer.base();
    json!({"issuer": base, "jwks_uri": format!("{base}/keys")}).to_string()
}

async fn keys(State(issuer): State<Issuer>) -> (StatusCode, String) {
    issuer.0.asked.fetch_add(1, Ordering::SeqCst);
    let delay = *issuer.0.delay.lock().expect("a lock");
    tokio::time::sleep(delay).await;
    let (status, text) = issuer.0.keys.lock().expect("a lock").clone();
    (StatusCode::from_u16(status).expect("a status"), text)
}

fn token(signer: &Signer, issuer: &Issuer, kid: &str) -> String {
    signer.sign(&json!({"alg": "EdDSA", "kid": kid}), &claims(&issuer.base()))
}

#[tokio::test]
async fn keys_are_fetched_when_a_token_names_one_that_is_not_known() {
    let (first, second) = (Signer::new(), Signer::new());
    let (issuer, mut tokens) = Issuer::start().await;
    issuer.has(&json!([first.ed("1")]));
    assert_eq!(tokens.verify(&token(&first, &issuer, "1"), NOW).await, Ok("u1".to_owned()));
    assert_eq!(tokens.verify(&token(&first, &issuer, "1"), NOW).await, Ok("u1".to_owned()));
    assert_eq!(issuer.asked(), 1, "a key that is known is not asked for");
    // It rotates: both, then the new one alone.
    issuer.has(&json!([first.ed("1"), second.ed("2")]));
    assert_eq!(tokens.verify(&token(&second, &issuer, "2"), NOW).await, Ok("u1".to_owned()));
    assert_eq!(tokens.verify(&token(&first, &issuer, "1"), NOW).await, Ok("u1".to_owned()));
    issuer.has(&json!([second.ed("2")]));
    tokens.pace.kept = Duration::ZERO;
    tokens.refresh().await.expect("fetched");
    assert_eq!(tokens.verify(&token(&first, &issuer, "1"), NOW).await, Err(Refused::Key), "it is withdrawn");
    // Made-up names of keys are one look, whatever their number.
    let before = issuer.asked();
    tokens.pace.again = Duration::from_secs(600);
    for kid in 0..50 {
        let made_up = token(&second, &issuer, &format!("made-up-{kid}"));
        assert_eq!(tokens.verify(&made_up, NOW).await, Err(Refused::Key));
    }
    assert_eq!(issuer.asked(), before);
    assert_eq!(tokens.verify(&token(&second, &issuer, "2"), NOW).await, Ok("u1".to_owned()));
}

#[tokio::test]
async fn known_keys_go_on_while_the_issuer_is_down_or_talks_nonsense() {
    let signer = Signer::new();
    let (issuer, mut tokens) = Issuer::start().await;
    // Before the first keys came nothing can be said of a token.
    issuer.answers(500, "{}");
    assert_eq!(tokens.verify(&token(&signer, &issuer, "1"), NOW).await, Err(Refused::NoKeys));
    tokens.pace.again = Duration::ZERO;
    issuer.has(&json!([signer.ed("1")]));
    tokens.refresh().await.expect("fetched");
    tokens.pace.kept = Duration::ZERO;
    let large = format!("{{\"keys\": [], \"more\": \"{}\"}}", "x".repeat(1 << 20));
    let many = json!({"keys": vec![signer.ed("1"); 101]}).to_string();
    let twice = r#"{"keys": [], "keys": []}"#;
    for (status, text) in [
        (500, "{}"),
        (404, ""),
        (302, ""),
        (200, ""),
        (200, "<html>"),
        (200, "[]"),
        (200, r#"{"keys": 7}"#),
        (200, twice),
        (200, &large),
        (200, &many),
    ] {
        issuer.answers(status, text);
        assert!(tokens.refresh().await.is_err(), "{status} {}", &text[..text.len().min(30)]);
        assert_eq!(tokens.verify(&token(&signer, &issuer, "1"), NOW).await, Ok("u1".to_owned()));
    }
    // It says that it is somebody else.
    let base = issuer.base();
    *issuer.0.issuer.lock().expect("a lock") = "https://id.example".to_owned();
    assert!(tokens.refresh().await.is_err_and(|why| why.contains("another issuer")));
    *issuer.0.issuer.lock().expect("a lock") = base;
    // It hangs: the fetch ends, and whoever else brings a key that is not known does not wait for it.
    *issuer.0.delay.lock().expect("a lock") = Duration::from_secs(60);
    issuer.has(&json!([signer.ed("1")]));
    let (tokens, begun) = (Arc::new(tokens), std::time::Instant::now());
    let fetching = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.refresh().await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(tokens.verify(&token(&signer, &issuer, "2"), NOW).await, Err(Refused::Key));
    assert!(begun.elapsed() < Duration::from_millis(450), "it did not wait: {:?}", begun.elapsed());
    assert_eq!(tokens.verify(&token(&signer, &issuer, "1"), NOW).await, Ok("u1".to_owned()));
    assert!(fetching.await.expect("it ends").is_err_and(|why| why.contains("within 0.5 s")));
}

#[tokio::test]
async fn of_two_keys_with_one_name_neither_is_meant() {
    let (first, second) = (Signer::new(), Signer::new());
    let (issuer, tokens) = Issuer::start().await;
    issuer.has(&json!([first.ed("1"), second.ed("1"), first.ed("2")]));
    tokens.refresh().await.expect("fetched");
    for signer in [&first, &second] {
        assert_eq!(tokens.verify(&token(signer, &issuer, "1"), NOW).await, Err(Refused::Key));
    }
    assert_eq!(tokens.verify(&token(&first, &issuer, "2"), NOW).await, Ok("u1".to_owned()));
}

#[tokio::test]
async fn a_try_that_failed_is_made_again_soon() {
    let signer = Signer::new();
    let (issuer, tokens) = Issuer::start().await;
    issuer.answers(503, "");
    assert!(tokens.refresh().await.is_err());
    issuer.has(&json!([signer.ed("1")]));
    tokens.refresh().await.expect("not only when keys would be fetched anyway");
    assert_eq!(tokens.verify(&token(&signer, &issuer, "1"), NOW).await, Ok("u1".to_owned()));
    let nowhere = Tokens::new(&settings("http://id.example", &["EdDSA"])).expect("settings");
    assert!(nowhere.refresh().await.is_err_and(|why| why.contains("https://")), "keys do not come in clear");
}
