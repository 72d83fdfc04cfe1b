//! An address of PostgreSQL: how to connect by it, with TLS or without, and where the password is.
//!
//! What `sslmode`, `sslrootcert` and `passfile` mean is what they mean to PostgreSQL's own programs, but for two things:
//! `verify-ca` is not taken, and `require` with a root verifies the name too.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Error;
use crate::postgres::{shown, tell};

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection that is still is looked at after this time: of a machine that is gone nobody tells.
const IDLE: Duration = Duration::from_secs(30);

/// How to connect.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

/// What is taken from an address before the driver reads it.
#[derive(Default)]
struct Ours {
    mode: Option<String>,
    root: Option<String>,
    passwords: Option<String>,
}

impl Address {
    /// Reads an address; what it does not say the environment may, as to PostgreSQL's own programs.
    pub(crate) fn read(address: &str) -> Result<Self, Error> {
        Self::with(address, |name| std::env::var(name).ok())
    }

    fn with(address: &str, said: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let not = |why: String| Error::NotAStore { path: shown(address), why };
        let (rest, mut ours) = taken(address);
        ours.mode = ours.mode.or_else(|| said("PGSSLMODE"));
        ours.root = ours.root.or_else(|| said("PGSSLROOTCERT"));
        let mut config: Config = rest
            .parse()
            .map_err(|error: postgres::Error| not(format!("its address cannot be read: {}", tell(&error))))?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        if config.get_application_name().is_none() {
            config.application_name("caseward");
        }
        config.keepalives_idle(IDLE);
        let tls = tls(&mut config, &ours).map_err(not)?;
        if config.get_password().is_none()
            && let Some(password) = password(&config, &ours, &said).map_err(not)?
        {
            config.password(password);
        }
        Ok(Address { config, tls })
    }

    pub(crate) fn connect(&self) -> Result<Client, postgres::Error> {
        match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        }
    }
}

/// An address without what the driver does not know, and that.
fn taken(address: &str) -> (String, Ours) {
    let (mut ours, mut left) = (Ours::default(), Vec::new());
    let Some((before, query)) = address.split_once('?') else { return (address.to_owned(), ours) };
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Some(decoded(value));
        match name {
            "sslmode" => ours.mode = value,
            "sslrootcert" => ours.root = value,
            "passfile" => ours.passwords = value,
            _ => left.push(pair),
        }
    }
    match left.is_empty() {
        true => (before.to_owned(), ours),
        false => (format!("{before}?{}", left.join("&")), ours),
    }
}

/// A text of an address, in which `%2F` stands for `/`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What TLS is spoken with; `None` for none.
fn tls(config: &mut Config, ours: &Ours) -> Result<Option<MakeRustlsConnect>, String> {
    let mode = ours.mode.as_deref().unwrap_or("prefer");
    let is_verified = match mode {
        "disable" => {
            config.ssl_mode(SslMode::Disable);
            return Ok(None);
        }
        "prefer" => {
            config.ssl_mode(SslMode::Prefer);
            false
        }
        "require" => {
            config.ssl_mode(SslMode::Require);
            ours.root.is_some()
        }
        "verify-full" => {
            config.ssl_mode(SslMode::Require);
            true
        }
        other => {
            return Err(format!(
                "`sslmode={other}` is not taken: give disable, prefer, require or verify-full"
            ));
        }
    };
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("there is no TLS: {error}"))?;
    let config = match is_verified {
        true => builder.with_root_certificates(roots(ours.root.as_deref())?).with_no_client_auth(),
        false => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Whoever(provider)))
            .with_no_client_auth(),
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

/// Whom to believe who a server is: the certificates of a file, or the system's.
fn roots(file: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match file.filter(|file| *file != "system") {
        Some(file) => {
            let failed = |why: String| format!("the certificates of `{file}` cannot be read: {why}");
            for certificate in CertificateDer::pem_file_iter(file).map_err(|e| failed(e.to_string()))? {
                let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                roots.add(certificate).map_err(|error| failed(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(failed("there is none in it".to_owned()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(
                    "the system has no certificates to verify a server by: give sslrootcert".to_owned()
                );
            }
        }
    }
    Ok(roots)
}

/// Takes any certificate: `require` hides what is said from those who listen alone, and asks nobody who they are.
#[derive(Debug)]
struct Whoever(Arc<CryptoProvider>);

impl ServerCertVerifier for Whoever {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The password of an address that has none: the environment's, or that of a file of passwords.
fn password(
    config: &Config,
    ours: &Ours,
    said: &impl Fn(&str) -> Option<String>,
) -> Result<Option<String>, String> {
    if let Some(password) = said("PGPASSWORD") {
        return Ok(Some(password));
    }
    let named = ours.passwords.clone().or_else(|| said("PGPASSFILE"));
    let path = match &named {
        Some(path) => PathBuf::from(path),
        None => match said("HOME") {
            Some(home) => Path::new(&home).join(".pgpass"),
            None => return Ok(None),
        },
    };
    // A file that nobody named may be anything.
    let text = match (readable_by_one(&path).and_then(|()| fs::read_to_string(&path).map_err(says)), named) {
        (Ok(text), _) => text,
        (Err(_), None) => return Ok(None),
        (Err(why), Some(_)) => {
            return Err(format!("the file of passwords `{}` is not taken: {why}", path.display()));
        }
    };
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.as_str(),
        _ => "localhost",
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let user = config.get_user().unwrap_or_default();
    let of = [host, &port, config.get_dbname().unwrap_or(user), user];
    Ok(text.lines().find_map(|line| matching(line, &of)))
}

fn says(error: std::io::Error) -> String {
    error.to_string()
}

/// Refuses a file that others may read.
fn readable_by_one(path: &Path) -> Result<(), String> {
    let found = fs::metadata(path).map_err(says)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if found.permissions().mode() & 0o077 != 0 {
            return Err("others may read it: chmod 600".to_owned());
        }
    }
    match found.is_file() {
        true => Ok(()),
        false => Err("it is no file".to_owned()),
    }
}

/// The password of a line `host:port:database:user:password`, where the line is of these; `*` is of all, and a backslash takes a
/// colon or a backslash as it is.
fn matching(line: &str, of: &[&str]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let (mut fields, mut field, mut chars) = (Vec::new(), String::new(), line.chars());
    while let Some(char) = chars.next() {
        match char {
            '\\' => field.extend(chars.next()),
            ':' if fields.len() < of.len() => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    let is_of = fields.len() == of.len() && fields.iter().zip(of).all(|(has, of)| has == "*" || has == of);
    is_of.then_some(field)
}

#[cfg(test)]
mod tests {
    use super::{Address, decoded, matching, taken};

    #[test]
    fn what_the_driver_does_not_know_is_taken_out() {
        let (rest, ours) =
            taken("postgres://u@h/d?sslmode=verify-full&options=-cx%3Dy&sslrootcert=%2Fa%20b.pem");
        assert_eq!(rest, "postgres://u@h/d?options=-cx%3Dy");
        assert_eq!((ours.mode.as_deref(), ours.root.as_deref()), (Some("verify-full"), Some("/a b.pem")));
        assert_eq!(taken("postgres://u@h/d?sslmode=disable").0, "postgres://u@h/d");
        assert_eq!(decoded("100%&%zz%e2%82%ac"), "100%&%zz€");
    }

    #[test]
    fn a_mode_that_is_not_taken_is_said() {
        let read = |address: &str| Address::with(address, |_| None).err().map(|error| error.to_string());
        assert_eq!(read("postgres://u@h/d"), None);
        let error = read("postgres://u:secret@h/d?sslmode=verify-ca").unwrap();
        assert!(error.contains("give disable, prefer, require or verify-full") && !error.contains("secret"));
        let error = read("postgres://u@h/d?sslmode=verify-full&sslrootcert=/nowhere.pem").unwrap();
        assert!(error.contains("the certificates of `/nowhere.pem` cannot be read"), "{error}");
        let error = read("postgres://u@h/d?passfile=/nowhere").unwrap();
        assert!(error.contains("the file of passwords `/nowhere` is not taken"), "{error}");
        assert!(read("postgres://u@h/d?sslcert=x").is_some(), "it is not passed over");
    }

    #[test]
    fn a_password_comes_from_where_it_is_said() {
        let with = |address: &str, password: Option<&str>| {
            let password = password.map(str::to_owned);
            let read =
                Address::with(address, |name| password.clone().filter(|_| name == "PGPASSWORD")).unwrap();
            read.config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        assert_eq!(with("postgres://u:a@h/d", Some("b")).as_deref(), Some("a"));
        assert_eq!(with("postgres://u@h/d", Some("b")).as_deref(), Some("b"));
        assert_eq!(with("postgres://u@h/d", None), None);
        let of = ["h", "5432", "d", "u"];
        for (line, password) in [
            ("h:5432:d:u:a:b\\:c\\\\", Some("a:b:c\\")),
            ("*:*:*:u:x", Some("x")),
            ("h:5433:d:u:x", None),
            ("# h:5432:d:u:x", None),
            ("h:5432:d:u", None),
            ("", None),
        ] {
            assert_eq!(matching(line, &of).as_deref(), password, "{line}");
        }
    }
}
