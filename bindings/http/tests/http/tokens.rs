//! People who bring tokens of an issuer: from the fetch of its keys to the record.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caseward_http::{Service, Settings};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use crate::support::{Got, ask, stored};

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

struct Issuer {
    base: String,
    key: Ed25519KeyPair,
}

impl Issuer {
    async fn start() -> Self {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let of = json!({"issuer": base, "jwks_uri": format!("{base}/keys")}).to_string();
        let x = text(key.public_key().as_ref());
        let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x}]}).to_string();
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(move || async { of }))
            .route("/keys", get(move || async { keys }));
        tokio::spawn(async { axum::serve(listener, router).await });
        Issuer { base, key }
    }

    fn token(&self, change: impl FnOnce(&mut Json, &mut Json)) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut header = json!({"alg": "EdDSA", "kid": "1"});
        let mut claims = json!({"iss": self.base, "aud": "caseward", "sub": "lead", "exp": now + 300});
        change(&mut header, &mut claims);
        let message =
            format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()));
        format!("{message}.{}", text(self.key.sign(message.as_bytes()).as_ref()))
    }
}

async fn asked(router: &Router, method: &str, path: &str, token: &str, person: Option<&str>) -> Got {
    let mut request = Request::builder().method(method).uri(path);
    request =
        request.header("authorization", format!("Bearer {token}")).header("content-type", "application/json");
    if let Some(person) = person {
        request = request.header("x-caseward-user", person);
    }
    ask(router, request.body(Body::from("{}")).unwrap()).await
}

#[tokio::test]
async fn a_person_asks_as_the_subject_of_their_token() {
    let issuer = Issuer::start().await;
    let (_, store) = stored("development = true");
    let settings = format!(
        "[jwt]\nissuer = {:?}\naudience = \"caseward\"\nalgorithms = [\"EdDSA\", \"RS256\"]\n",
        issuer.base
    );
    let service = Service::over_store(store, Settings::read(&settings, []).unwrap()).unwrap();
    let router = service.router();
    let good = issuer.token(|_, _| {});
    let list = "/v1/records/Case?action=viewSummary";
    let got = asked(&router, "GET", list, &good, None).await;
    assert_eq!(got.status, 200, "{got:?}");
    assert_eq!(asked(&router, "GET", list, &good, Some("flow")).await.status, 403, "the token says who");
    assert_eq!(asked(&router, "POST", "/access/v1/evaluation", &good, None).await.status, 403);
    assert_eq!(asked(&router, "POST", "/v1/feeds/logins", &good, None).await.status, 403);
    let mut told = Vec::new();
    for token in [
        issuer.token(|_, claims| claims["iss"] = json!("https://id.example.org")),
        issuer.token(|_, claims| claims["aud"] = json!("other")),
        issuer.token(|_, claims| claims["exp"] = json!(1)),
        issuer.token(|_, claims| claims["nbf"] = json!(1e12)),
        issuer.token(|header, _| header["alg"] = json!("none")),
        issuer.token(|header, _| header["alg"] = json!("HS256")),
        issuer.token(|header, _| header["alg"] = json!("RS256")),
        issuer.token(|header, _| header["crit"] = json!(["exp"])),
        issuer.token(|header, _| header["kid"] = json!("2")),
        Issuer::start().await.token(|_, claims| claims["iss"] = json!(issuer.base)),
        format!("{good}x"),
    ] {
        let got = asked(&router, "GET", list, &token, None).await;
        assert_eq!(got.status, 401, "{token}: {got:?}");
        told.push(got.bytes);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "what is wrong with a token is not told");
}
