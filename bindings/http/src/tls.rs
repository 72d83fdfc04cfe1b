//! TLS: the service's own certificate, and whom the certificates of others are for.
//!
//! The files are read again when they change. Connections that are open go on with what they began with.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use webpki::EndEntityCert;

use crate::app::App;
use crate::error::Error;
use crate::settings::Tls;
use crate::who::Peer;

/// What connections are taken with from now on.
pub(crate) struct Certificates(RwLock<Arc<ServerConfig>>);

impl Certificates {
    pub(crate) fn new(tls: &Tls) -> Result<Self, Error> {
        Ok(Certificates(RwLock::new(read(tls)?)))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Reads the certificates again. Where anything is wrong with them, those that were in force stay.
pub(crate) fn reload(app: &App) {
    let (Some(tls), Some(now)) = (&app.settings.tls, app.tls.get()) else { return };
    let read = read(tls);
    app.metrics.reloaded("certificates", read.is_ok());
    match read {
        Ok(config) => {
            *now.0.write().unwrap_or_else(PoisonError::into_inner) = config;
            (app.notes)("certificates were read again");
        }
        Err(error) => (app.notes)(&format!("certificates stay as they were: {error}")),
    }
}

fn read(tls: &Tls) -> Result<Arc<ServerConfig>, Error> {
    let certificates = chain(&tls.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| Error::file(&tls.key, error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::file(&tls.certificate, error))?;
    let builder = match &tls.clients {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in chain(path)? {
                roots.add(certificate).map_err(|error| Error::file(path, error))?;
            }
            // Whoever brings none is known by a key or a token, or not at all.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = verifier.allow_unauthenticated().build();
            builder.with_client_cert_verifier(verifier.map_err(|error| Error::file(path, error))?)
        }
    };
    // A key that is not the certificate's is refused here.
    let config = builder.with_single_cert(certificates, key);
    let mut config = config.map_err(|error| Error::file(&tls.certificate, error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn chain(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let all: Vec<CertificateDer<'static>> = read.map_err(|error| Error::file(path, error))?;
    if all.is_empty() {
        return Err(Error::file(path, "it has no certificate in PEM"));
    }
    Ok(all)
}

/// Whom the certificate of the other side is for, which was verified when the connection was made.
pub(crate) fn peer(certificates: Option<&[CertificateDer<'_>]>) -> Option<Peer> {
    let certificate = EndEntityCert::try_from(certificates?.first()?).ok()?;
    let names = certificate.valid_dns_names().chain(certificate.valid_uri_names());
    Some(Peer(names.map(str::to_owned).collect()))
}
