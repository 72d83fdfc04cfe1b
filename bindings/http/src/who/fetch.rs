//! Fetches a small document, over TLS but from loopback.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Bytes of a document.
const MOST: usize = 1 << 20;
/// How long it may take.
const TIME: Duration = Duration::from_secs(10);

/// Fetches what is at an address: `https`, or `http` of loopback.
pub(crate) async fn get(address: &str) -> Result<Bytes, String> {
    match tokio::time::timeout(TIME, fetch(address)).await {
        Ok(done) => done.map_err(|why| format!("{address}: {why}")),
        Err(_) => Err(format!("{address}: nothing came within {} s", TIME.as_secs())),
    }
}

async fn fetch(address: &str) -> Result<Bytes, String> {
    let uri: Uri = address.parse().map_err(|error| format!("no address: {error}"))?;
    let host = uri.host().ok_or("an address without a host")?.to_owned();
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let is_tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") if is_loopback(&bare) => false,
        _ => return Err("an address begins with `https://`".to_owned()),
    };
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let stream = TcpStream::connect((bare.as_str(), port)).await.map_err(|error| error.to_string())?;
    if !is_tls {
        return ask(TokioIo::new(stream), &uri).await;
    }
    let name = ServerName::try_from(bare).map_err(|error| error.to_string())?;
    let stream = connector()?.connect(name, stream).await.map_err(|error| error.to_string())?;
    ask(TokioIo::new(stream), &uri).await
}

fn is_loopback(host: &str) -> bool {
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
) -> Result<Bytes, String> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Body>(stream).await.map_err(|error| error.to_string())?;
    let driven = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(path)
        .header("host", host)
        .header("accept", "application/json")
        .body(Body::empty())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    if response.status() != StatusCode::OK {
        return Err(format!("answered {}", response.status()));
    }
    let body = Limited::new(response.into_body(), MOST).collect().await;
    driven.abort();
    body.map(http_body_util::Collected::to_bytes).map_err(|error| error.to_string())
}
