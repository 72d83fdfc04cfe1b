//! When the service says that it is ready: while its store can be written to.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use caseward_http::{Service, Settings};
use caseward_store::{Options, PolicySet, Store};
use serde_json::json;

use crate::cases::case;
use crate::serving::{get, run};
use crate::support::{NOW, command, folder};

const FREE: &str = "development = true\nlisten = \"127.0.0.1:0\"";

fn filled(path: &Path) -> Store {
    let store = Store::init(path, &PolicySet::attendance(), &Options::new().trusting(Some(NOW)).seeded(7));
    let store = store.unwrap();
    store.import(&include_bytes!("../../../../core/store/tests/data/small.json")[..]).unwrap();
    store
}

/// Waits until it is ready, or is not.
async fn until(at: std::net::SocketAddr, status: &str) {
    for _ in 0..600 {
        if get(at, "/readyz").await.starts_with(&format!("HTTP/1.1 {status}")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not become {status}");
}

/// What is asked again and again writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn asking_whether_it_is_ready_writes_nothing() {
    let store = filled(&folder().join("cases.db"));
    let settings = Settings::read(FREE, []).unwrap();
    let running = run(Service::over_store(store.clone(), settings).unwrap()).await;
    until(running.at, "200").await;
    let before = store.touched();
    for _ in 0..50 {
        assert!(get(running.at, "/readyz").await.starts_with("HTTP/1.1 200"));
    }
    let asked = store.touched().statements - before.statements;
    // What is due is looked at each second in any case.
    assert!(asked < 50, "{asked} statements for 50 times");
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_while_its_file_is_away() {
    let folder = folder();
    let (path, away) = (folder.join("cases.db"), folder.join("elsewhere.db"));
    let store = filled(&path);
    let service = Service::over_store(store, Settings::read(FREE, []).unwrap()).unwrap();
    let router = service.router();
    let (case, _) = case(&router).await;
    let running = run(service).await;
    until(running.at, "200").await;
    std::fs::rename(&path, &away).unwrap();
    // A look cannot be audited, and is not shown; soon it is known that nothing can be written.
    let view = format!("/v1/records/Case/{case}");
    assert!(get(running.at, &view).await.starts_with("HTTP/1.1 503"));
    until(running.at, "503").await;
    assert!(get(running.at, "/healthz").await.starts_with("HTTP/1.1 200"));
    std::fs::rename(&away, &path).unwrap();
    until(running.at, "200").await;
    assert!(get(running.at, &view).await.starts_with("HTTP/1.1 200"));
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_over_a_store_that_is_only_read() {
    let path = folder().join("cases.db");
    drop(filled(&path));
    let mut options = Options::new().trusting(Some(NOW));
    options.read_only = true;
    let store = Store::open(&path, &options).unwrap();
    let running = run(Service::over_store(store, Settings::read(FREE, []).unwrap()).unwrap()).await;
    assert!(get(running.at, "/readyz").await.starts_with("HTTP/1.1 503"));
    running.end.send(()).unwrap();
    running.served.await.unwrap();
}

/// Where the test may mount a disk of a few kilobytes.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_while_the_disk_is_full() {
    let disk = folder().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let system = |name: &str, args: &[&str]| {
        Command::new(name).args(args).arg(&disk).status().is_ok_and(|status| status.success())
    };
    if !system("mount", &["-t", "tmpfs", "-o", "size=6m", "tmpfs"]) {
        println!("not tried: nothing can be mounted here");
        return;
    }
    let store = filled(&disk.join("cases.db"));
    let service = Service::over_store(store, Settings::read(FREE, []).unwrap()).unwrap();
    let router = service.router();
    let running = run(service).await;
    until(running.at, "200").await;
    let ballast = disk.join("ballast");
    let filled = std::fs::write(&ballast, vec![1_u8; 8 << 20]);
    assert!(filled.is_err(), "the disk is full");
    let create = json!({"command": "createRequest", "on": "Student::\"aroha\"",
        "context": {"primaryContact": {"type": "User", "id": "contact"}}, "data": {"reasonForRequest": "x".repeat(60_000)}});
    let mut refused = false;
    for _ in 0..40 {
        refused |= command(&router, "lead", &create).await.status == 503;
    }
    assert!(refused, "what does not fit is not done");
    until(running.at, "503").await;
    std::fs::remove_file(&ballast).unwrap();
    until(running.at, "200").await;
    assert_eq!(command(&router, "lead", &create).await.status, 200);
    running.end.send(()).unwrap();
    running.served.await.unwrap();
    drop(router);
    assert!(system("umount", &["-l"]));
}
