//! What the service asks of others: small documents, and posts. It is over TLS, but to loopback.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT, ETAG, HOST, IF_NONE_MATCH};
use axum::http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// Bytes of a document.
const MOST: usize = 1 << 20;

/// Fetches what is at an address, `https`, or `http` of loopback, in this time.
pub(crate) async fn get(address: &str, time: Duration) -> Result<Bytes, String> {
    let asked = async {
        let request = Request::get("/").header(ACCEPT, "application/json").body(Body::empty());
        let answer = send(address, request.map_err(|error| error.to_string())?, MOST).await?;
        let (status, body) = (answer.status(), answer.into_body());
        if status == StatusCode::OK { Ok(body) } else { Err(format!("it answered {status}")) }
    };
    in_time(time, asked).await.map_err(|why| format!("{address}: {why}"))
}

/// A document that is other than the one that was had.
pub(crate) struct Found {
    pub(crate) bytes: Bytes,
    pub(crate) etag: Option<String>,
}

/// As [`get`], of at most so many bytes; `None` where it is the one of this entity tag.
pub(crate) async fn get_changed(
    address: &str,
    etag: Option<&str>,
    (most, time): (usize, Duration),
) -> Result<Option<Found>, String> {
    let asked = async {
        let mut request = Request::get("/");
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let request = request.body(Body::empty()).map_err(|error| error.to_string())?;
        let answer = send(address, request, most).await?;
        let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        match answer.status() {
            StatusCode::OK => Ok(Some(Found { bytes: answer.into_body(), etag: tag })),
            StatusCode::NOT_MODIFIED if etag.is_some() => Ok(None),
            status => Err(format!("it answered {status}")),
        }
    };
    in_time(time, asked).await.map_err(|why| format!("{address}: {why}"))
}

/// Posts to an address, `https`, or `http` of loopback, in this time; gives the status of the answer. Its
/// body is not wanted, and what is told of a failure does not name the address, which may hold a secret.
pub(crate) async fn post(
    address: &str,
    request: Request<Body>,
    time: Duration,
) -> Result<StatusCode, String> {
    in_time(time, async { begin(address, request).await.map(|(answer, _)| answer.status()) }).await
}

/// Sends a request to an address, `https`, or `http` of loopback, and takes its answer, in this time.
#[cfg(feature = "otel")]
pub(crate) async fn exchange(
    address: &str,
    request: Request<Body>,
    time: Duration,
) -> Result<Response<Bytes>, String> {
    in_time(time, send(address, request, MOST)).await
}

async fn in_time<T>(time: Duration, asked: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match tokio::time::timeout(time, asked).await {
        Ok(done) => done,
        Err(_) => Err(format!("it did not answer within {} s", time.as_secs_f32())),
    }
}

/// An address that may be asked, taken apart: whether by TLS, the host, and the whole.
fn parsed(address: &str) -> Result<(bool, String, Uri), String> {
    let uri: Uri = address.parse().map_err(|error| format!("no address: {error}"))?;
    let host = uri.host().ok_or("an address without a host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    match uri.scheme_str() {
        Some("https") => Ok((true, host, uri)),
        Some("http") if is_loopback(&host) => Ok((false, host, uri)),
        _ => Err("an address begins with `https://`".to_owned()),
    }
}

/// Refuses what is no address that is asked.
pub(crate) fn check(address: &str) -> Result<(), String> {
    parsed(address).map(drop).map_err(|why| format!("`{address}`: {why}"))
}

/// Sends a request, and takes its whole answer.
async fn send(address: &str, request: Request<Body>, most: usize) -> Result<Response<Bytes>, String> {
    let (response, _driven) = begin(address, request).await?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, most).collect().await;
    Ok(Response::from_parts(head, body.map_err(|error| error.to_string())?.to_bytes()))
}

/// Sends a request: its answer has begun, and comes as long as the connection is driven.
async fn begin(address: &str, request: Request<Body>) -> Result<(Response<Incoming>, Driven), String> {
    let (is_tls, host, uri) = parsed(address)?;
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
    if !is_tls {
        return ask(TokioIo::new(stream), &uri, request).await;
    }
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    let stream = connector()?.connect(name, stream).await.map_err(|error| error.to_string())?;
    ask(TokioIo::new(stream), &uri, request).await
}

/// Whether a host, in small letters, is this machine itself.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn connector() -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: TokioIo<S>,
    uri: &Uri,
    mut request: Request<Body>,
) -> Result<(Response<Incoming>, Driven), String> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Body>(stream).await.map_err(|error| error.to_string())?;
    let driven = Driven(tokio::spawn(async { drop(connection.await) }));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|error| format!("no address: {error}"))?;
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let host = HeaderValue::from_str(host).map_err(|error| error.to_string())?;
    request.headers_mut().insert(HOST, host);
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    Ok((response, driven))
}

/// A connection that is driven until nobody waits for its answer any more.
struct Driven(JoinHandle<()>);

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.abort();
    }
}
