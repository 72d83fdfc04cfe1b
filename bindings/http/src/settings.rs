//! What a service is told: one TOML file, and environment variables that say the same names.
//!
//! Nothing in it is guessed: a key that is not known is refused, in the file and in the environment.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use caseward::bundle::PublicKey;
use caseward::{Protection, RoundingKey};
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::Deserialize;

use crate::error::Error;

/// What environment variables begin with: `CASEWARD_SERVE_LISTEN` is `listen`, `CASEWARD_SERVE_LIMITS_BODY` is `body` in
/// `[limits]`.
const PREFIX: &str = "CASEWARD_SERVE_";
/// What can be said by an environment variable: the table, the key, and whether it is a text.
const VARIABLES: &[(&str, &str, bool)] = &[
    ("", "listen", true),
    ("", "metrics", true),
    ("", "base_url", true),
    ("", "entities", true),
    ("", "policies", true),
    ("", "db", true),
    ("", "keys", true),
    ("", "development", false),
    ("", "person_type", true),
    ("tls", "certificate", true),
    ("tls", "key", true),
    ("tls", "clients", true),
    ("jwt", "issuer", true),
    ("jwt", "audience", true),
    ("jwt", "jwks", true),
    ("limits", "body", false),
    ("limits", "file", false),
    ("limits", "feed", false),
    ("limits", "seconds", false),
    ("limits", "depth", false),
    ("limits", "concurrency", false),
    ("limits", "connections", false),
    ("limits", "evaluations", false),
    ("limits", "watchers", false),
    ("limits", "uploads", false),
    ("authzen", "trust_properties", false),
    ("authzen", "page", false),
    ("reports", "below", false),
    ("reports", "round_key", true),
    ("traces", "endpoint", true),
    ("traces", "name", true),
    ("traces", "ratio", false),
];

/// What a service is told.
///
/// # Example
/// ```
/// use caseward_http::Settings;
///
/// let settings = Settings::read("listen = \"127.0.0.1:0\"\n[limits]\nbody = 4096\n", [])?;
/// assert_eq!(settings.limits.body, 4_096);
/// assert!(Settings::read("lissen = \"127.0.0.1:0\"", []).is_err());
/// # Ok::<(), caseward_http::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Settings {
    /// Where requests are taken.
    pub listen: SocketAddr,
    /// Where metrics are shown, in the text format of Prometheus; nowhere without it.
    pub metrics: Option<SocketAddr>,
    /// What the service is called from outside, such as `https://pdp.example.org`; what discovery says is made of it.
    pub base_url: Option<String>,
    /// Data in Cedar's entities JSON; this or `db`.
    pub entities: Option<PathBuf>,
    /// The folder of policies, beside `entities`; those that come with caseward without it. It is read again when it changes.
    pub policies: Option<PathBuf>,
    /// Policies as one signed file from an address, beside `entities`; `policies` are then those that the data is read with.
    pub bundle: Option<Bundle>,
    /// A store, which has its own policies; this or `entities`.
    pub db: Option<PathBuf>,
    /// The file of API keys. It is read again when it changes.
    pub keys: Option<PathBuf>,
    /// Takes evaluations and searches without a credential, and the person of the case routes from a header: on loopback alone.
    pub development: bool,
    /// What people are as entities: the type of the principal that a token or a header names.
    pub person_type: String,
    /// TLS; without it requests are taken in clear.
    pub tls: Option<Tls>,
    /// Tokens of people.
    pub jwt: Option<Jwt>,
    /// What one request may cost.
    pub limits: Limits,
    /// The routes of AuthZEN.
    pub authzen: AuthZen,
    /// Published reports.
    pub reports: Reports,
    /// Where spans are sent; nowhere without it.
    pub traces: Option<Traces>,
    /// Where alerts are sent.
    pub webhook: Vec<Webhook>,
}

/// A certificate, and its key, in PEM. They are read again when they change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tls {
    /// The chain of certificates, the service's own first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The certificates of those who issue certificates to services: a service that brings one of theirs is known by it, where the
    /// file of keys has its subject.
    #[serde(default)]
    pub clients: Option<PathBuf>,
}

/// Tokens of people, from an OpenID Connect issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Jwt {
    /// The issuer, as `iss` says it.
    pub issuer: String,
    /// Whom tokens are for, as `aud` says it.
    pub audience: String,
    /// Where its keys are; without it, where its discovery document says.
    #[serde(default)]
    pub jwks: Option<String>,
    /// The algorithms that are taken: `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `EdDSA`.
    #[serde(default = "Jwt::usual")]
    pub algorithms: Vec<String>,
}

impl Jwt {
    fn usual() -> Vec<String> {
        vec!["RS256".to_owned()]
    }
}

/// Policies as one signed file, as `caseward bundle` makes it, from an address that is asked again and again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Bundle {
    /// Where it is: `https`, or `http` of loopback.
    pub url: String,
    /// The keys that may have signed it: `caseward-public-key-1:` and 64 hexadecimal digits.
    pub trusted: Vec<String>,
    /// The file in which the last that was taken is kept, so that a restart goes on with it while the address is down.
    #[serde(default)]
    pub kept: Option<PathBuf>,
    /// Seconds from one time to the next.
    #[serde(default = "Bundle::usual_seconds")]
    pub seconds: u64,
    /// Bytes that it may have.
    #[serde(default = "Bundle::usual_bytes")]
    pub bytes: usize,
}

impl Bundle {
    fn usual_seconds() -> u64 {
        60
    }

    fn usual_bytes() -> usize {
        16 << 20
    }

    pub(crate) fn keys(&self) -> Result<Vec<PublicKey>, Error> {
        let read = |key: &String| key.parse().map_err(|error| Error::settings(format!("`trusted`: {error}")));
        self.trusted.iter().map(read).collect()
    }

    fn check(&self) -> Result<(), Error> {
        crate::fetch::check(&self.url).map_err(Error::Settings)?;
        if self.keys()?.is_empty() {
            return Err(Error::settings("`trusted` names no key: nothing could be taken"));
        }
        if !(1..=86_400).contains(&self.seconds) || !(1..=64 << 20).contains(&self.bytes) {
            return Err(Error::settings(
                "of a bundle `seconds` are from 1 to 86400, and `bytes` from 1 to 67108864",
            ));
        }
        Ok(())
    }
}

/// Spans of what is answered, sent to a collector of OpenTelemetry by OTLP over HTTP. No name of a person or a record is in one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Traces {
    /// Where the collector takes them, such as `http://127.0.0.1:4318/v1/traces`: `https`, or `http` of loopback.
    pub endpoint: String,
    /// What the service is called there.
    #[serde(default = "Traces::usual")]
    pub name: String,
    /// Which share of the traces that begin here is sent, from 0 to 1. One that a caller began is sent where the caller says so.
    #[serde(default = "Traces::all")]
    pub ratio: f64,
}

impl Traces {
    fn usual() -> String {
        "caseward".to_owned()
    }

    fn all() -> f64 {
        1.0
    }

    fn check(&self) -> Result<(), Error> {
        if cfg!(not(feature = "otel")) {
            return Err(Error::settings("`traces`: this caseward was built without the feature `otel`"));
        }
        crate::fetch::check(&self.endpoint).map_err(Error::Settings)?;
        match (0.0..=1.0).contains(&self.ratio) {
            true => Ok(()),
            false => Err(Error::settings("of traces `ratio` is from 0 to 1")),
        }
    }
}

/// What one request may cost, and how many there are at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of a file that is handed up.
    pub file: usize,
    /// Bytes of a file of a feed.
    pub feed: usize,
    /// Seconds for a request to come in, and for its answer to be made.
    pub seconds: u64,
    /// Levels of JSON.
    pub depth: usize,
    /// Requests that are answered at once; more wait, and are refused when their time is over.
    pub concurrency: usize,
    /// Connections that are open at once; more wait to be accepted.
    pub connections: usize,
    /// Evaluations in one request.
    pub evaluations: usize,
    /// People who watch at once.
    pub watchers: usize,
    /// Files that are handed up at once; each is held in memory, once, until it is decided. More wait, and are refused when
    /// their time is over.
    pub uploads: usize,
}

/// The routes of AuthZEN.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AuthZen {
    /// Lays the properties that callers send over the data, as facts of their request; else they are ignored.
    pub trust_properties: bool,
    /// Results on a page, where the caller does not say; and at most ten times as many.
    pub page: usize,
}

/// How the counts of reports that cover cases in aggregate are protected. A request has no say in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Reports {
    /// Counts below this are suppressed, and others with them.
    pub below: u64,
    /// A file with a secret key, 16 to 4,096 random bytes: then counts are rounded at random instead.
    pub round_key: Option<PathBuf>,
}

/// Where alerts of a store are sent: each is posted, signed, until it is taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Webhook {
    /// What it is called in notes and metrics.
    pub name: String,
    /// Where alerts are posted: `https`, or `http` of loopback.
    pub url: String,
    /// The file with the secret that they are signed with: `whsec_` and 24 to 64 random bytes in base64.
    pub secret: PathBuf,
    /// The file with the number of the entry whose alerts were last taken. It is made with the newest where there is none.
    pub position: PathBuf,
    /// Seconds for an answer.
    #[serde(default = "Webhook::usual")]
    pub seconds: u64,
}

impl Webhook {
    fn usual() -> u64 {
        10
    }
}

impl Default for Reports {
    fn default() -> Self {
        Reports { below: 6, round_key: None }
    }
}

impl Reports {
    /// The protection that they say.
    pub(crate) fn protection(&self) -> Result<Protection, Error> {
        let Some(path) = &self.round_key else { return Ok(Protection::Suppress { below: self.below }) };
        let bytes = std::fs::read(path).map_err(|error| Error::file(path, error))?;
        RoundingKey::new(bytes).map(Protection::Round).map_err(|error| Error::file(path, error))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8180)),
            metrics: None,
            base_url: None,
            entities: None,
            policies: None,
            bundle: None,
            db: None,
            keys: None,
            development: false,
            person_type: "User".to_owned(),
            tls: None,
            jwt: None,
            limits: Limits::default(),
            authzen: AuthZen::default(),
            reports: Reports::default(),
            traces: None,
            webhook: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body: 1 << 20,
            file: 21 << 20,
            feed: 256 << 20,
            seconds: 10,
            depth: 32,
            concurrency: 512,
            connections: 16_384,
            evaluations: 1_000,
            watchers: 256,
            uploads: 8,
        }
    }
}

impl Default for AuthZen {
    fn default() -> Self {
        AuthZen { trust_properties: false, page: 1_000 }
    }
}

impl Limits {
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

impl Settings {
    /// Reads settings from TOML and from environment variables, which win.
    ///
    /// # Errors
    /// [`Error::Settings`] for a key that is not known, a value of another type, and settings that do not go together.
    pub fn read(toml: &str, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, Error> {
        let mut table: toml::Table = toml.parse().map_err(|error| Error::settings(format!("{error}")))?;
        for (name, value) in environment {
            if let Some(rest) = name.strip_prefix(PREFIX) {
                put(&mut table, &name, rest, value)?;
            }
        }
        let read: Result<Settings, _> = table.try_into();
        let settings = read.map_err(|error| Error::settings(error.to_string().trim().to_owned()))?;
        settings.check()?;
        Ok(settings)
    }

    /// As [`Settings::read`], of a file.
    ///
    /// # Errors
    /// As [`Settings::read`]; [`Error::File`].
    pub fn read_file(
        path: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::file(path, error))?;
        Self::read(&text, environment).map_err(|error| Error::file(path, error))
    }

    /// Whether they go together.
    ///
    /// # Errors
    /// [`Error::Settings`], which says what to do.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::settings(why));
        if self.development && !self.listen.ip().is_loopback() {
            return refuse(format!(
                "development is for loopback alone, and `{}` is reached from elsewhere: listen on 127.0.0.1",
                self.listen
            ));
        }
        if self.entities.is_some() && self.db.is_some() {
            return refuse("`entities` and `db` are both named: name the one that is to be asked".to_owned());
        }
        if self.policies.is_some() && self.db.is_some() {
            return refuse("a store has its own policies: leave `policies` out".to_owned());
        }
        if self.bundle.is_some() && self.db.is_some() {
            return refuse(
                "a store has its own policies: leave `bundle` out, and use `caseward store activate`"
                    .to_owned(),
            );
        }
        if let Some(base) = &self.base_url {
            let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
            if rest.is_none_or(str::is_empty) || base.contains(['?', '#']) || base.ends_with('/') {
                return refuse(format!(
                    "base_url `{base}` is an address such as `https://pdp.example.org`, without a slash at its end"
                ));
            }
        }
        let zero = [
            ("body", self.limits.body),
            ("depth", self.limits.depth),
            ("concurrency", self.limits.concurrency),
            ("connections", self.limits.connections),
            ("evaluations", self.limits.evaluations),
            ("page", self.authzen.page),
        ];
        if let Some((name, _)) = zero.iter().find(|(_, value)| *value == 0) {
            return refuse(format!("`{name}` is 0, with which nothing could be answered"));
        }
        if self.limits.seconds == 0 || self.limits.seconds > 3_600 {
            return refuse("`seconds` is from 1 to 3600".to_owned());
        }
        if self.limits.concurrency > 1 << 20 || self.limits.connections > 1 << 20 {
            return refuse(format!("`concurrency` and `connections` are {} at most", 1 << 20));
        }
        self.check_webhooks()?;
        self.bundle.as_ref().map_or(Ok(()), Bundle::check)?;
        self.traces.as_ref().map_or(Ok(()), Traces::check)?;
        self.jwt.as_ref().map_or(Ok(()), Jwt::check)
    }
}

impl Settings {
    fn check_webhooks(&self) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for hook in &self.webhook {
            crate::fetch::check(&hook.url).map_err(Error::Settings)?;
            if hook.name.is_empty() || !seen.insert(hook.name.as_str()) {
                return Err(Error::settings("each `webhook` has a `name` of its own"));
            }
            if self.webhook.iter().filter(|other| other.position == hook.position).count() > 1 {
                return Err(Error::settings("each `webhook` has a `position` of its own"));
            }
            if hook.seconds == 0 || hook.seconds > 300 {
                return Err(Error::settings("`seconds` of a webhook is from 1 to 300"));
            }
        }
        Ok(())
    }
}

impl Jwt {
    fn check(&self) -> Result<(), Error> {
        self.algorithms()?;
        if self.algorithms.is_empty() || self.issuer.is_empty() || self.audience.is_empty() {
            return Err(Error::settings("`issuer`, `audience` and `algorithms` each say something"));
        }
        Ok(())
    }

    /// The algorithms that are taken: of public keys alone, since whoever can verify by a secret can sign by it.
    pub(crate) fn algorithms(&self) -> Result<Vec<Algorithm>, Error> {
        let refused = |name: &str| {
            let known = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA";
            Error::settings(format!("`{name}` is no algorithm that is taken: {known}"))
        };
        let read = |name: &String| match name.parse::<Algorithm>() {
            Ok(algorithm) if algorithm.family() != AlgorithmFamily::Hmac => Ok(algorithm),
            _ => Err(refused(name)),
        };
        self.algorithms.iter().map(read).collect()
    }
}

/// Puts what an environment variable says where the file would say it.
fn put(table: &mut toml::Table, name: &str, rest: &str, value: String) -> Result<(), Error> {
    let found = VARIABLES.iter().find(|(of, key, _)| {
        let whole = if of.is_empty() { (*key).to_owned() } else { format!("{of}_{key}") };
        whole.eq_ignore_ascii_case(rest) && rest.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    });
    let Some((of, key, is_text)) = found else {
        return Err(Error::settings(format!("`{name}` is no setting")));
    };
    let value = match is_text {
        true => toml::Value::String(value),
        false => match (value.parse::<i64>(), value.parse::<bool>()) {
            (Ok(number), _) => number.into(),
            (_, Ok(truth)) => truth.into(),
            _ => return Err(Error::settings(format!("`{name}` is a number, or true or false"))),
        },
    };
    let table = match of.is_empty() {
        true => table,
        false => {
            let below = table.entry(*of).or_insert_with(|| toml::Table::new().into());
            below.as_table_mut().ok_or_else(|| Error::settings(format!("`{of}` is a table")))?
        }
    };
    table.insert((*key).to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Settings, VARIABLES};

    fn refused(toml: &str) -> String {
        Settings::read(toml, []).err().map_or_else(String::new, |error| error.to_string())
    }

    /// Whatever a table of the file may say, but for lists and tables, an environment variable may.
    #[test]
    fn every_setting_is_a_variable_too() {
        let lists =
            ["algorithms", "tls", "jwt", "limits", "authzen", "reports", "bundle", "traces", "webhook"];
        for table in ["", "tls", "jwt", "limits", "authzen", "reports", "traces"] {
            let head = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
            let said = refused(&format!("{head}zzz = 1"));
            let (_, names) = said.split_once("expected ").expect("the names that there are");
            let names: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
            assert!(names.len() > 1, "{said}");
            for name in names.into_iter().filter(|name| !lists.contains(name)) {
                let is_known = VARIABLES.iter().any(|(of, key, _)| (*of, *key) == (table, name));
                assert!(is_known, "{table}.{name}");
            }
        }
    }

    #[test]
    fn unknown_keys_and_what_does_not_go_together_are_refused() {
        assert!(refused("lissen = \"127.0.0.1:1\"").contains("lissen"));
        assert!(refused("[limits]\nbodies = 3").contains("bodies"));
        assert!(refused("[tls]\ncertificate = \"a\"").contains("key"));
        assert!(refused("development = true\nlisten = \"0.0.0.0:1\"").contains("loopback"));
        assert!(refused("entities = \"a\"\ndb = \"b\"").contains("both"));
        let traces = |toml: &str| refused(&format!("[traces]\n{toml}"));
        if cfg!(feature = "otel") {
            assert_eq!(traces("endpoint = \"http://[::1]:4318/v1/traces\""), "");
            assert!(traces("endpoint = \"http://collector:4318\"").contains("https://"));
            assert!(traces("endpoint = \"https://a/\"\nratio = 2.0").contains("from 0 to 1"));
        } else {
            assert!(traces("endpoint = \"https://a/\"").contains("without the feature `otel`"));
        }
        assert!(refused("db = \"b\"\npolicies = \"p\"").contains("own policies"));
        assert!(refused("base_url = \"pdp.example.org\"").contains("base_url"));
        assert!(refused("base_url = \"https://x/?q\"").contains("base_url"));
        assert!(refused("[limits]\nconcurrency = 0").contains("concurrency"));
        let jwt = "[jwt]\nissuer = \"i\"\naudience = \"a\"\nalgorithms = [\"none\"]";
        assert!(refused(jwt).contains("`none`"));
        assert!(refused(&jwt.replace("none", "HS256")).contains("`HS256`"));
        assert_eq!(refused("development = true\n[limits]\nbody = 5"), "");
    }

    #[test]
    fn the_environment_wins_and_is_checked_alike() {
        let of = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
        let read = Settings::read("[limits]\nbody = 5", of("CASEWARD_SERVE_LIMITS_BODY", "9"));
        assert_eq!(read.map(|settings| settings.limits.body).ok(), Some(9));
        let read = Settings::read("", of("CASEWARD_SERVE_AUTHZEN_TRUST_PROPERTIES", "true"));
        assert_eq!(read.map(|settings| settings.authzen.trust_properties).ok(), Some(true));
        assert!(Settings::read("", of("CASEWARD_SERVE_LISTEM", "x")).is_err());
        assert!(Settings::read("", of("CASEWARD_SERVE_LIMITS_BODY", "many")).is_err());
        assert!(Settings::read("", of("CASEWARD_HOME", "elsewhere")).is_ok());
    }
}
