//! TLS: certificates that change while the service answers, and services that are known by theirs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caseward_http::{Right, Service, new_key};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::serving::run;
use crate::support::{folder, over};

/// Whoever issues certificates.
struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
type Issued = (CertificateDer<'static>, KeyPair);

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).unwrap();
        Authority { pem: own.pem(), der: own.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// A certificate of a service that asks, for a DNS name or a URI.
    fn client(&self, subject: &str) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![match subject.contains("://") {
            true => SanType::URI(subject.try_into().unwrap()),
            false => SanType::DnsName(subject.try_into().unwrap()),
        }];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let made = params.signed_by(&key, &self.issuer).unwrap();
        (made.der().clone(), key)
    }
}

/// Writes a certificate for localhost and its key; gives the certificate.
fn own(at: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(at.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(at.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

async fn connect(
    at: SocketAddr,
    trusted: &CertificateDer<'static>,
    client: Option<&Issued>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let config = match client {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            config.with_client_auth_cert(vec![certificate.clone()], key).unwrap()
        }
    };
    let stream = TcpStream::connect(at).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

/// The status of what is asked over a connection, which stays open; 0 where there is no answer.
async fn status(stream: &mut TlsStream<TcpStream>, path: &str, more: &str) -> u16 {
    let body = r#"{"subject": {"type": "U", "id": "u"}, "action": {"name": "go"}, "resource": {"type": "U", "id": "u"}}"#;
    let text = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    if stream.write_all(text.as_bytes()).await.is_err() {
        return 0;
    }
    let mut piece = [0; 8_192];
    let count = stream.read(&mut piece).await.unwrap_or(0);
    let said = String::from_utf8_lossy(&piece[..count]).into_owned();
    said.strip_prefix("HTTP/1.1 ").map_or(0, |rest| rest[..3].parse().unwrap())
}

const EVALUATION: &str = "/access/v1/evaluation";

fn service(root: &Path, more: &str) -> Service {
    let path = |name: &str| format!("{:?}", root.join(name).display().to_string());
    let settings = format!(
        "listen = \"127.0.0.1:0\"\nkeys = {}\n[tls]\ncertificate = {}\nkey = {}\n{more}",
        path("keys.toml"),
        path("cert.pem"),
        path("key.pem")
    );
    let schema = "entity U; action go appliesTo { principal: U, resource: U };";
    let entities = json!([{"uid": {"type": "U", "id": "u"}, "attrs": {}, "parents": []}]);
    over(schema, r#"@id("all") permit (principal, action, resource);"#, &entities, &settings)
}

fn root(keys: &str) -> (PathBuf, CertificateDer<'static>) {
    let root = folder();
    std::fs::write(root.join("keys.toml"), keys).unwrap();
    let certificate = own(&root);
    (root, certificate)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_read_again_all_or_nothing() {
    let (secret, entry) = new_key("s", &[Right::Evaluate]).unwrap();
    let (root, first) = root(&entry);
    let service = service(&root, "");
    let running = run(service.clone()).await;
    let key = format!("authorization: Bearer {secret}\r\n");
    let mut open = connect(running.at, &first, None).await.unwrap();
    assert_eq!(status(&mut open, EVALUATION, &key).await, 200);
    let second = own(&root);
    service.reload();
    assert!(connect(running.at, &first, None).await.is_err(), "whoever comes gets the new one");
    assert_eq!(status(&mut connect(running.at, &second, None).await.unwrap(), EVALUATION, &key).await, 200);
    assert_eq!(status(&mut open, EVALUATION, &key).await, 200, "what is open goes on");
    // A key that is another certificate's, half a file, and none: what was in force stays.
    let key_file = root.join("key.pem");
    let good = std::fs::read_to_string(&key_file).unwrap();
    for bad in [Some(KeyPair::generate().unwrap().serialize_pem()), Some(good[..80].to_owned()), None] {
        match bad {
            Some(bad) => std::fs::write(&key_file, bad).unwrap(),
            None => std::fs::remove_file(&key_file).unwrap(),
        }
        service.reload();
        assert!(connect(running.at, &second, None).await.is_ok());
    }
    // Without being told it is seen too.
    let third = own(&root);
    let mut is_seen = false;
    for _ in 0..200 {
        is_seen = connect(running.at, &third, None).await.is_ok();
        if is_seen {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(is_seen);
    drop(open);
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_known_by_its_certificate() {
    let (ours, others) = (Authority::new(), Authority::new());
    let (secret, entry) = new_key("searching", &[Right::Search]).unwrap();
    let bound = |subject: &str| {
        format!("[[certificate]]\nname = \"of {subject}\"\nsubject = {subject:?}\nmay = [\"evaluate\"]\n")
    };
    let (dns, uri) = ("intake.example.org", "spiffe://example.org/intake");
    let (root, trusted) = root(&format!("{entry}{}{}", bound(dns), bound(uri)));
    std::fs::write(root.join("clients.pem"), &ours.pem).unwrap();
    let clients = format!("clients = {:?}\n", root.join("clients.pem").display().to_string());
    let service = service(&root, &clients);
    assert!(!service.is_open_to_nobody());
    let running = run(service.clone()).await;
    let search = "/access/v1/search/action";
    for subject in [dns, uri] {
        let certificate = ours.client(subject);
        let mut stream = connect(running.at, &trusted, Some(&certificate)).await.unwrap();
        assert_eq!(status(&mut stream, EVALUATION, "").await, 200, "{subject}");
        assert_eq!(status(&mut stream, search, "").await, 403, "it may ask what it is bound to");
        // A key beside it is what counts, and a wrong one is no better than none.
        assert_eq!(status(&mut stream, search, &format!("authorization: Bearer {secret}\r\n")).await, 200);
        assert_eq!(status(&mut stream, EVALUATION, "authorization: Bearer cwk_x\r\n").await, 401);
    }
    // Without a certificate, and with one that is for somebody else.
    let mut none = connect(running.at, &trusted, None).await.unwrap();
    assert_eq!(status(&mut none, EVALUATION, "").await, 401);
    for subject in ["intake.example.com", "*.example.org", "example.org", "spiffe://example.org/intake/2"] {
        let certificate = ours.client(subject);
        let mut stream = connect(running.at, &trusted, Some(&certificate)).await.unwrap();
        assert_eq!(status(&mut stream, EVALUATION, "").await, 401, "{subject}");
    }
    // A certificate of the right name by another issuer is no certificate.
    let forged = others.client(dns);
    let refused = match connect(running.at, &trusted, Some(&forged)).await {
        Err(_) => 0,
        Ok(mut stream) => status(&mut stream, EVALUATION, "").await,
    };
    assert_eq!(refused, 0);
    assert_ne!(ours.der, others.der);
    // What is taken away counts at once, on connections that are open too.
    let certificate = ours.client(dns);
    let mut stream = connect(running.at, &trusted, Some(&certificate)).await.unwrap();
    assert_eq!(status(&mut stream, EVALUATION, "").await, 200);
    std::fs::write(root.join("keys.toml"), format!("{entry}{}", bound(uri))).unwrap();
    service.reload();
    assert_eq!(status(&mut stream, EVALUATION, "").await, 401);
    // A name in a header is no certificate.
    assert_eq!(status(&mut none, EVALUATION, "x-client-certificate: intake.example.org\r\n").await, 401);
    drop((stream, none));
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}
