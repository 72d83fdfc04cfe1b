//! Webhooks: alerts of the store's outbox, posted to each target until it takes them.
//!
//! They are signed as [Standard Webhooks](https://www.standardwebhooks.com) says, for which receivers have libraries: HMAC-SHA256
//! over the id, the time of the try and the body. Each target has a task and a position of its own, so that one that hangs holds
//! up no other.
//!
//! INVARIANT: a target's position goes beyond an entry only once every alert of that entry was taken. So each is taken at least
//! once, in order, also across restarts.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use caseward_store::Alert;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;
use tokio::task::JoinSet;

use crate::app::App;
use crate::error::Error;
use crate::problem::Problem;
use crate::settings::Webhook;
use crate::{fetch, json, time};

/// What secrets begin with.
const MARK: &str = "whsec_";
/// How often it is looked whether something was written.
const EVERY: Duration = Duration::from_millis(200);
/// How long it waits behind the first failure, and at most; it doubles from one to the next.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(300));
/// Entries whose alerts are read at once.
const PAGE: usize = 64;

/// A target, and what its alerts are signed with.
pub(crate) struct Hook {
    settings: Webhook,
    secret: Hmac<Sha256>,
}

impl Hook {
    pub(crate) fn new(settings: &Webhook) -> Result<Self, Error> {
        let path = &settings.secret;
        let text = std::fs::read_to_string(path).map_err(|error| Error::file(path, error))?;
        let bytes = text.trim().strip_prefix(MARK).and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.filter(|bytes| (24..=64).contains(&bytes.len()));
        let secret = bytes.and_then(|bytes| Hmac::new_from_slice(&bytes).ok());
        let why = "a secret of webhooks is `whsec_` and 24 to 64 random bytes in base64";
        let secret = secret.ok_or_else(|| Error::file(path, why))?;
        read_position(&settings.position).map_err(|why| Error::file(&settings.position, why))?;
        Ok(Hook { settings: settings.clone(), secret })
    }

    /// Posts what is written from now on, for as long as the service goes on.
    async fn follow(&self, app: &App) {
        let mut position = self.begin(app).await;
        let mut empty_at = None;
        loop {
            let version = app.ask(|moment| moment.version);
            if empty_at == Some(version) {
                tokio::time::sleep(EVERY).await;
                continue;
            }
            let read = app
                .off(move |app| app.need_store()?.alerts(position, PAGE).map_err(|error| app.failed(&error)));
            match read.await {
                Err(_) => tokio::time::sleep(WAITS.0).await,
                Ok(alerts) if alerts.is_empty() => empty_at = Some(version),
                Ok(alerts) => {
                    for entry in alerts.chunk_by(|one, next| one.event == next.event) {
                        for (at, alert) in entry.iter().enumerate() {
                            self.until_taken(app, at, alert).await;
                        }
                        position = entry.first().map_or(position, |alert| alert.event);
                        self.put(app, position).await;
                    }
                }
            }
        }
    }

    /// Where it goes on: at its position, or where there is none with what is written from now on.
    async fn begin(&self, app: &App) -> u64 {
        let name = &self.settings.name;
        loop {
            let path = self.settings.position.clone();
            let found = app.off(move |app| {
                let newest = app.need_store()?.last_entry().map_err(|error| app.failed(&error))?;
                read_position(&path).map(|kept| (kept, newest)).map_err(Problem::busy)
            });
            match found.await {
                Ok((Some(kept), newest)) if kept <= newest => return kept,
                Ok((kept, newest)) => {
                    if kept.is_some() {
                        (app.notes)(&format!(
                            "webhook `{name}`: its position lies ahead of the store, which was restored: it goes on from now"
                        ));
                    }
                    self.put(app, newest).await;
                    return newest;
                }
                Err(problem) => {
                    (app.notes)(&format!("webhook `{name}` does not begin yet: {}", problem.message));
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
            }
        }
    }

    async fn put(&self, app: &App, position: u64) {
        let path = self.settings.position.clone();
        let put = app.off(move |_| write_position(&path, position).map_err(|e| Problem::busy(e.to_string())));
        if let Err(problem) = put.await {
            let name = &self.settings.name;
            (app.notes)(&format!(
                "webhook `{name}`: its position was not written, so that a restart sends again: {}",
                problem.message
            ));
        }
    }

    /// Posts an alert until it is taken; each wait is twice the one before.
    async fn until_taken(&self, app: &App, at: usize, alert: &Alert) {
        let name = &self.settings.name;
        let (mut wait, mut has_failed) = (WAITS.0, false);
        loop {
            let posted = match self.signed(at, alert, (app.clock)() / 1_000) {
                Ok(request) => {
                    fetch::post(&self.settings.url, request, Duration::from_secs(self.settings.seconds)).await
                }
                Err(why) => Err(why),
            };
            let why = match posted {
                Ok(status) if status.is_success() => {
                    app.metrics.posted(name, true);
                    if has_failed {
                        (app.notes)(&format!("webhook `{name}`: alerts are taken again"));
                    }
                    return;
                }
                Ok(status) => format!("it answered {status}"),
                Err(why) => why,
            };
            app.metrics.posted(name, false);
            if !has_failed {
                (app.notes)(&format!("webhook `{name}`: {why}; it is tried again until it is taken"));
            }
            has_failed = true;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAITS.1);
        }
    }

    /// A post of an alert, signed at an instant in seconds since 1970. Its id is the same each time.
    fn signed(&self, at: usize, alert: &Alert, now: i64) -> Result<Request<Body>, String> {
        let id = format!("caseward-{}-{at}", alert.event);
        let body = json!({
            "type": "caseward.alert",
            "timestamp": time::show(alert.recorded),
            "data": {"entry": alert.event, "of": json::entity(&alert.of), "people": alert.people},
        });
        let body = body.to_string();
        let mut mac = self.secret.clone();
        mac.update(format!("{id}.{now}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        Request::post("/")
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature)
            .body(Body::from(body))
            .map_err(|error| error.to_string())
    }
}

/// Posts alerts to every target, until the service ends.
pub(crate) async fn deliver(app: App) {
    let mut all = JoinSet::new();
    for at in 0..app.hooks.len() {
        let app = app.clone();
        all.spawn(async move {
            let mut end = app.end.subscribe();
            let Some(hook) = app.hooks.get(at) else { return };
            tokio::select! {
                () = hook.follow(&app) => {}
                _ = end.wait_for(|end| *end) => {}
            }
        });
    }
    while all.join_next().await.is_some() {}
}

/// What a file of a position says; `None` where there is none.
fn read_position(path: &Path) -> Result<Option<u64>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| "it is no number of an entry".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Writes a position, whole or not at all.
fn write_position(path: &Path, position: u64) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = File::create(&beside)?;
    writeln!(file, "{position}")?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}
