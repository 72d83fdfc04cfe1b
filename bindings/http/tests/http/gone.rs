//! A store in PostgreSQL whose database goes and comes back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use caseward_http::{Service, Settings};
use caseward_sql_tests::Postgres;
use caseward_store::{Options, PolicySet, Store};
use serde_json::json;

use crate::support::{NOW, command, get_as, post};

/// What stands between a store and its database, and can be cut.
#[derive(Clone)]
struct Wire {
    port: u16,
    is_cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(database: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = Wire { port, is_cut: Arc::default(), open: Arc::default() };
        let of = wire.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if of.is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(&database) else { continue };
                of.open.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                let (back, forth) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || copy(near, far));
                std::thread::spawn(move || copy(forth, back));
            }
        });
        wire
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = [0; 4_096];
    while let Ok(count) = from.read(&mut piece) {
        if count == 0 || to.write_all(piece.get(..count).unwrap()).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// A store in PostgreSQL behind a wire, where there is PostgreSQL.
fn stored() -> Option<(Store, Wire)> {
    let address = Postgres::address().unwrap();
    let required = std::env::var("CASEWARD_REQUIRE_ALL").is_ok_and(|all| all == "1");
    assert!(address.is_some() || !required, "there is no PostgreSQL here");
    let Some(address) = address else {
        println!("SKIPPED: there is no PostgreSQL here");
        return None;
    };
    let (_, rest) = address.split_once('@').unwrap();
    let (server, database) = rest.split_once('/').unwrap();
    let wire = Wire::to(server.to_owned());
    let address = format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", wire.port);
    let options = Options::new().trusting(Some(NOW)).seeded(7);
    let store = Store::init(&address, &PolicySet::attendance(), &options).unwrap();
    store.import(&include_bytes!("../../../../core/store/tests/data/small.json")[..]).unwrap();
    Some((store, wire))
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_gone_decisions_go_on_and_writes_are_refused() {
    // The client of PostgreSQL waits, which no thread of the service's may.
    let Some((store, wire)) = tokio::task::spawn_blocking(stored).await.unwrap() else { return };
    let settings = Settings::read("development = true\n[limits]\nseconds = 20\n", []).unwrap();
    let service = Service::over_store(store, settings).unwrap().at(|| NOW);
    let router = service.router();
    let create = json!({"command": "createRequest", "on": "Student::\"aroha\"",
        "context": {"primaryContact": {"type": "User", "id": "contact"}}});
    let made = command(&router, "lead", &create).await;
    assert_eq!(made.status, 200, "{made:?}");
    let may = json!({"subject": {"type": "User", "id": "lead"}, "action": {"name": "viewStudent"},
        "resource": {"type": "Student", "id": "aroha"}});
    let record = format!(
        "/v1/records/{}",
        made.json()["made"][0].as_str().unwrap().replace("::", "/").replace('"', "")
    );
    assert_eq!(get_as(&router, "lead", &record).await.status, 200);
    let before = post(&router, "/access/v1/evaluation", &may).await.json();
    wire.cut();
    // Decisions go on, and say what version of the data they are of.
    let begun = Instant::now();
    let during = post(&router, "/access/v1/evaluation", &may).await;
    assert_eq!((during.status, during.json()), (200, before.clone()));
    let search = json!({"subject": {"type": "User"}, "action": {"name": "viewSummary"},
        "resource": {"type": "Request", "id": "none"}});
    assert_eq!(post(&router, "/access/v1/search/subject", &search).await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(2), "they wait for nothing: {:?}", begun.elapsed());
    assert_eq!(get_as(&router, "lead", "/healthz").await.status, 200);
    // What writes is refused: a command, and a look, which is audited before it is shown. Nothing of it is done.
    let refused = command(
        &router,
        "lead",
        &json!({"command": "createRequest", "on": "Student::\"ben\"",
        "context": {"primaryContact": {"type": "User", "id": "contact"}}}),
    )
    .await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.json().to_string().contains("nothing of it was done"), "{refused:?}");
    let look = get_as(&router, "lead", &record).await;
    assert_eq!((look.status, look.header("retry-after")), (503, Some("1")), "{look:?}");
    assert!(!String::from_utf8_lossy(&look.bytes).contains("aroha"));
    assert_eq!(post(&router, "/access/v1/evaluation", &may).await.json(), before);
    wire.mend();
    let again = command(
        &router,
        "lead",
        &json!({"command": "submitRequest",
        "on": made.json()["made"][0].as_str().unwrap()}),
    )
    .await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(get_as(&router, "lead", &record).await.status, 200);
    let list = get_as(&router, "lead", "/v1/records/Request?action=viewSummary").await;
    assert_eq!(list.json()["total"], json!(1), "what was refused was not done");
}
