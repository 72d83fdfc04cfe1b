//! Files that are read again while the service answers: keys, policies, certificates. All of a file is taken, or nothing of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use caseward::{Sources, Ward};

use crate::app::{App, Backing};
use crate::bundle;
use crate::hooks;
use crate::tls;
use crate::who::keys::Keys;

/// How often it is looked whether a file changed, and what is due is applied.
const EVERY: Duration = Duration::from_secs(1);
/// Files of a folder that are looked at.
const FILES: usize = 100_000;

/// What a file was when it was last looked at: names with lengths and times.
type Stamp = BTreeMap<std::path::PathBuf, (u64, Option<SystemTime>)>;

/// Looks again and again, and posts alerts, until the service ends.
pub(crate) async fn keep(app: App) {
    tokio::join!(look_again(app.clone()), bundle::follow(app.clone()), hooks::deliver(app));
}

/// Fetches the keys of tokens, where it is time to.
async fn fetch_keys(app: &App) {
    if let Some(tokens) = app.who.tokens()
        && let Err(why) = tokens.refresh().await
    {
        (app.notes)(&format!("keys of tokens were not fetched, those that are known go on: {why}"));
    }
}

async fn look_again(app: App) {
    fetch_keys(&app).await;
    // The files may have changed since they were read, so that the first look reads them again.
    let mut seen = Seen::default();
    let mut end = app.end.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = end.wait_for(|end| *end) => return,
        }
        fetch_keys(&app).await;
        let before = seen.clone();
        if let Ok(now) = app.off(move |app| Ok(look(app, before))).await {
            seen = now;
        }
    }
}

/// What the files were.
#[derive(Clone, Default)]
struct Seen {
    keys: Stamp,
    policies: Stamp,
    certificates: Option<Stamp>,
}

impl Seen {
    fn of(app: &App) -> Self {
        Seen {
            keys: app.settings.keys.as_deref().map(stamp).unwrap_or_default(),
            policies: app.folder.as_deref().map(stamp).unwrap_or_default(),
            certificates: app.settings.tls.as_ref().map(|tls| {
                let all = [Some(&tls.certificate), Some(&tls.key), tls.clients.as_ref()];
                all.into_iter().flatten().flat_map(|path| stamp(path)).collect()
            }),
        }
    }
}

fn look(app: &App, before: Seen) -> Seen {
    app.tick();
    app.look_whether_written();
    let now = Seen::of(app);
    if now.keys != before.keys {
        reload_keys(app);
    }
    if now.policies != before.policies {
        reload_policies(app);
    }
    if now.certificates != before.certificates {
        tls::reload(app);
    }
    now
}

/// Reads the keys again. Where that fails, those that were in force stay.
pub(crate) fn reload_keys(app: &App) {
    let Some(path) = &app.settings.keys else { return };
    let read = Keys::read_file(path);
    app.metrics.reloaded("keys", read.is_ok());
    match read {
        Ok(keys) => {
            if app.who.replace(keys) {
                (app.notes)("keys were read again, and are others");
            }
        }
        Err(error) => (app.notes)(&format!("keys stay as they were: {error}")),
    }
}

/// Reads the policies again. Where anything is wrong with them, those that were in force stay.
pub(crate) fn reload_policies(app: &App) {
    let (Some(folder), Backing::World(live)) = (&app.folder, &app.backing) else { return };
    let done = Sources::read_folder(folder, None).and_then(|sources| {
        // A file that says what it said is no change.
        let is_same = Ward::new(&sources)?.policy_hash() == live.now().ward().policy_hash();
        if is_same { Ok(None) } else { live.reload(&sources).map(Some) }
    });
    match done {
        Ok(None) => {}
        Ok(Some(number)) => {
            app.metrics.reloaded("policies", true);
            (app.notes)(&format!(
                "policies were put in force, generation {number}: {}",
                live.now().ward().policy_hash()
            ));
        }
        Err(error) => {
            app.metrics.reloaded("policies", false);
            (app.notes)(&format!("policies stay as they were: {error}"));
        }
    }
}

/// What a file, or everything below a folder, is.
fn stamp(path: &Path) -> Stamp {
    let mut stamp = Stamp::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(of) = std::fs::metadata(&path) else { continue };
        if of.is_dir() && stamp.len() < FILES {
            let below = std::fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(below.map(|entry| entry.path()));
        }
        stamp.insert(path, (of.len(), of.modified().ok()));
    }
    stamp
}
