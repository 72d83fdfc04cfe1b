//! A running service over a store with made-up data, and what is asked of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use caseward::attendance::Sample;
use caseward::{ActionName, EntityUid, Query, Request, TypeName, Ward, World};
use caseward_http::{Service, Settings};
use caseward_store::{Options, PolicySet, Store};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::client::Asked;

/// 11 May 2026, 9 a.m. in Wellington.
pub(crate) const NOW: i64 = 1_778_446_800_000;

/// A service that goes on until it is dropped.
pub(crate) struct Served {
    pub(crate) at: SocketAddr,
    pub(crate) store: Store,
    pub(crate) clients: Runtime,
    service: Option<Runtime>,
    end: Option<oneshot::Sender<()>>,
    folder: PathBuf,
}

impl Served {
    pub(crate) fn with(cases: usize, settings: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("load-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let options = Options::new().trusting(Some(NOW)).seeded(7);
        let store = Store::init(folder.join("cases.db"), &PolicySet::attendance(), &options).unwrap();
        let ward = store.ward();
        let world = Sample { cases, seed: 1 }.build(&ward, &mut |_| {}).unwrap();
        let mut entities = Vec::new();
        world.write_json(&mut entities).unwrap();
        drop(world);
        store.import(entities.as_slice()).unwrap();
        drop(entities);
        let settings = format!("development = true\nlisten = \"127.0.0.1:0\"\n{settings}");
        let service = Service::over_store(store.clone(), Settings::read(&settings, []).unwrap()).unwrap();
        let (ends, runtime) = (oneshot::channel(), runtime());
        let bound = runtime.block_on(service.at(|| NOW).bind()).unwrap();
        let at = bound.addresses().unwrap().0;
        runtime.spawn(bound.serve(async { drop(ends.1.await) }));
        Served { at, store, clients: self::runtime(), service: Some(runtime), end: Some(ends.0), folder }
    }

    /// Bytes of the database and what lies beside it.
    pub(crate) fn on_disk(&self) -> u64 {
        let files = std::fs::read_dir(&self.folder).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(service) = self.service.take() {
            service.shutdown_background();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// Somebody with a caseload, and what is and what is not theirs.
pub(crate) struct Somebody {
    pub(crate) id: String,
    /// Cases whose summary they may see.
    pub(crate) seen: Vec<String>,
    /// A case that they may not know of.
    pub(crate) unseen: String,
    /// A case of theirs whose record they may write.
    pub(crate) written: String,
}

impl Somebody {
    /// The first in the data with some tens to some hundreds of cases, who may write to one of them.
    pub(crate) fn of(ward: &Ward, world: &World) -> Self {
        let see = ActionName::new("viewSummary");
        for number in 1..100_000 {
            let person = EntityUid::new("User", format!("u{number:05}"));
            let query = Query::new(person.clone(), see.clone(), TypeName::new("Case")).at(NOW);
            let Ok(list) = ward.list(world, &query) else { continue };
            if !(10..=1_000).contains(&list.len()) {
                continue;
            }
            let seen: Vec<EntityUid> = list.to_vec();
            let may = |action: &str, case: &EntityUid| {
                let request = Request::new(person.clone(), ActionName::new(action), case.clone()).at(NOW);
                ward.check(world, &request).is_ok_and(|answer| answer.is_allowed())
            };
            let Some(written) = seen.iter().find(|case| may("updateRecord", case)) else { continue };
            let unseen = (1..).map(|case| EntityUid::new("Case", format!("c{case:07}")));
            let unseen = unseen.take(100_000).find(|case| world.contains(case) && !may("viewSummary", case));
            let Some(unseen) = unseen else { continue };
            let id = |of: &EntityUid| of.id().to_owned();
            return Somebody {
                id: id(&person),
                seen: seen.iter().take(100).map(id).collect(),
                unseen: id(&unseen),
                written: id(written),
            };
        }
        panic!("nobody in the data has a caseload")
    }

    fn may(&self, case: &str) -> Json {
        json!({"subject": {"type": "User", "id": self.id}, "action": {"name": "viewSummary"}, "resource": {"type": "Case", "id": case}})
    }

    /// Evaluations: of cases that they may see, and one that they may not.
    pub(crate) fn evaluations(&self) -> Vec<Asked> {
        let ask = |case: &str, expected: bool| {
            let body = self.may(case).to_string();
            Asked::post("/access/v1/evaluation", &self.id, &body, 200, &format!("\"decision\":{expected}"))
        };
        self.seen.iter().map(|case| ask(case, true)).chain([ask(&self.unseen, false)]).collect()
    }

    /// A hundred in one request; the last of them is denied.
    pub(crate) fn hundred(&self) -> Vec<Asked> {
        let seen = self.seen.iter().cycle().take(99);
        let all: Vec<Json> = seen.chain([&self.unseen]).map(|case| self.may(case)).collect();
        let body = json!({"evaluations": all}).to_string();
        vec![Asked::post("/access/v1/evaluations", &self.id, &body, 200, "\"decision\":false")]
    }

    pub(crate) fn search(&self) -> Vec<Asked> {
        let mut body = self.may(&self.unseen);
        body["resource"] = json!({"type": "Case"});
        body["page"] = json!({"limit": 20});
        vec![Asked::post("/access/v1/search/resource", &self.id, &body.to_string(), 200, &self.seen[0])]
    }

    pub(crate) fn lists(&self) -> Vec<Asked> {
        let path = "/v1/records/Case?action=viewSummary&sort=-openedAt&limit=20";
        vec![Asked::get(path, &self.id, 200, "\"entities\":[{\"")]
    }

    pub(crate) fn views(&self) -> Vec<Asked> {
        let view = |case: &String| Asked::get(&format!("/v1/records/Case/{case}"), &self.id, 200, "sections");
        self.seen.iter().map(view).collect()
    }

    /// Commands that write content of a record: the facts stay as many as they are.
    pub(crate) fn commands(&self) -> Vec<Asked> {
        let write = |number: usize| {
            let body = json!({"command": "updateRecord", "on": format!("Case::\"{}\"", self.written),
                "data": {"supportPlan": format!("Week {number}: two visits, and a call.")}});
            Asked::post("/v1/commands", &self.id, &body.to_string(), 200, "\"outcome\":\"done\"")
        };
        (0..100).map(write).collect()
    }

    /// Facts that change, as commands that the store is handed in.
    pub(crate) fn change(&self, number: usize) -> String {
        json!({"command": "updateRecord", "as": self.id, "on": format!("Case::\"{}\"", self.written),
            "data": {"kind": "note", "text": format!("Note {number}.")}})
        .to_string()
    }
}

/// Hands in changes at a rate, on a thread of its own, until it is dropped; each makes an entry in a case's record.
pub(crate) struct Changing {
    done: Arc<std::sync::atomic::AtomicU64>,
    end: Arc<std::sync::atomic::AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Changing {
    pub(crate) fn at(store: &Store, somebody: &Somebody, a_second: u32) -> Self {
        use std::sync::atomic::Ordering::Relaxed;
        let (done, end) = (Arc::default(), Arc::default());
        let (counted, ended): (Arc<std::sync::atomic::AtomicU64>, Arc<std::sync::atomic::AtomicBool>) =
            (Arc::clone(&done), Arc::clone(&end));
        let (store, changes) = (store.clone(), (0..64).map(|n| somebody.change(n)).collect::<Vec<_>>());
        let thread = std::thread::spawn(move || {
            let begun = std::time::Instant::now();
            let (mut waiting, mut number) = (std::collections::VecDeque::new(), 0_u32);
            while !ended.load(Relaxed) {
                let due = (begun.elapsed().as_secs_f64() * f64::from(a_second)) as u32;
                while number < due {
                    waiting.push_back(store.submit(changes[number as usize % 64].clone()).unwrap());
                    number += 1;
                }
                // Those that were handed in together become durable together; no more than some hundreds wait.
                while waiting.len() > 256 || (ended.load(Relaxed) && !waiting.is_empty()) {
                    let answer = waiting.pop_front().map(caseward_store::Pending::wait).unwrap().unwrap();
                    assert_eq!(answer.outcome, caseward_store::Outcome::Done);
                    counted.fetch_add(1, Relaxed);
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        Changing { done, end, thread: Some(thread) }
    }

    /// How many were done.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.end.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
