//! Policies from an address: one file, signed, that is asked for again and again and taken whole or not at all.
//!
//! INVARIANT: what is in force was signed by a key that the settings name, and is never older than what was in force before, also
//! across a restart; where anything is wrong with what came, what was in force stays.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use caseward::Live;
use caseward::bundle::{Bundle, PublicKey};

use crate::app::{App, Backing};
use crate::error::Error;
use crate::fetch;
use crate::settings;

/// How long the address has to answer.
const TIME: Duration = Duration::from_secs(30);
/// What is tried again sooner where it failed.
const AGAIN: Duration = Duration::from_secs(5);

/// Where policies come from, and what came last.
pub(crate) struct Source {
    settings: settings::Bundle,
    trusted: Vec<PublicKey>,
    taken: Mutex<Taken>,
}

/// What was taken last.
#[derive(Clone, Default)]
struct Taken {
    serial: Option<u64>,
    /// What the address calls it.
    etag: Option<String>,
}

impl Source {
    pub(crate) fn new(settings: &settings::Bundle) -> Result<Self, Error> {
        Ok(Source { trusted: settings.keys()?, settings: settings.clone(), taken: Mutex::default() })
    }

    /// Whether policies from there are in force.
    pub(crate) fn is_taken(&self) -> bool {
        self.now().serial.is_some()
    }

    fn now(&self) -> Taken {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a bundle in force; `None` where it says what is in force already.
    fn take(&self, live: &Live, bytes: &[u8], etag: Option<String>) -> Result<Option<u64>, String> {
        let bundle = Bundle::open(bytes, &self.trusted).map_err(|error| error.to_string())?;
        let before = self.now().serial;
        let is_same = bundle.ward().policy_hash() == live.now().ward().policy_hash();
        let is_again = before == Some(bundle.serial()) && is_same;
        if !is_again && before.is_some_and(|before| bundle.serial() <= before) {
            let before = before.unwrap_or_default();
            return Err(format!(
                "its serial is {}, and what is in force has {before}: it is no newer",
                bundle.serial()
            ));
        }
        let number = if is_same {
            None
        } else {
            Some(live.reload(bundle.sources()).map_err(|error| error.to_string())?)
        };
        let taken = Taken { serial: Some(bundle.serial()), etag };
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = taken;
        Ok(number)
    }

    /// Puts in force what was kept, where there is anything.
    fn take_kept(&self, live: &Live) -> Result<bool, Error> {
        let Some(path) = &self.settings.kept else { return Ok(false) };
        match std::fs::read(path) {
            Ok(bytes) => self.take(live, &bytes, None).map(|_| true).map_err(|why| Error::file(path, why)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::file(path, error)),
        }
    }

    /// Asks the address, and takes what it has that is other.
    async fn ask(&self, app: &App) -> Result<Option<u64>, String> {
        let etag = self.now().etag;
        let (url, most) = (&self.settings.url, self.settings.bytes);
        let Some(found) = fetch::get_changed(url, etag.as_deref(), (most, TIME)).await? else {
            return Ok(None);
        };
        let taken = app.off(move |app| {
            let (Some(source), Backing::World(live)) = (&app.bundle, &app.backing) else {
                return Ok(Ok(None));
            };
            let taken = source.take(live, &found.bytes, found.etag);
            if taken.is_ok()
                && let Some(path) = &source.settings.kept
                && let Err(error) = keep_file(path, &found.bytes)
            {
                (app.notes)(&format!(
                    "the bundle is in force, and cannot be kept in `{}`: {error}",
                    path.display()
                ));
            }
            Ok(taken)
        });
        taken.await.map_err(|problem| problem.message)?
    }
}

/// Has policies of the bundle in force before anybody is answered: those that were kept, or those that the address has.
pub(crate) async fn begin(app: &App) -> Result<(), Error> {
    let (Some(source), Backing::World(live)) = (&app.bundle, &app.backing) else { return Ok(()) };
    if source.is_taken() || source.take_kept(live)? {
        return Ok(());
    }
    match source.ask(app).await {
        Ok(_) => Ok(()),
        Err(why) => Err(Error::settings(format!("there are no policies to begin with: {why}"))),
    }
}

/// Asks again and again, until the service ends.
pub(crate) async fn follow(app: App) {
    let Some(source) = &app.bundle else { return };
    let mut end = app.end.subscribe();
    let mut has_failed = false;
    loop {
        let asked = source.ask(&app).await;
        if !matches!(asked, Ok(None)) {
            app.metrics.reloaded("bundle", asked.is_ok());
        }
        let wait = Duration::from_secs(source.settings.seconds);
        let wait = if asked.is_ok() { wait } else { wait.min(AGAIN) };
        match &asked {
            Ok(Some(number)) => {
                (app.notes)(&format!("policies of the bundle were put in force, generation {number}"))
            }
            Err(why) if !has_failed => (app.notes)(&format!("policies stay as they were: {why}")),
            _ => {}
        }
        has_failed = asked.is_err();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = end.wait_for(|end| *end) => return,
        }
    }
}

/// Keeps a bundle for the next start, whole or not at all.
fn keep_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = std::fs::File::create(&beside)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}
