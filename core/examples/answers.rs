//! Writes questions with this crate's answers to them, for those who compare another build of it or a binding: every
//! policy case, and random worlds of three kinds of schema.
//!
//! `answers FILE` writes lines of JSON. A line with `policies` is a schema and its policies (null for the rules that
//! come with this crate), one with `entities` a world of the last of these and how it is `written` again, any other a
//! question to the last world: `ask` says which, `answer` is the JSON text to be had, and `error` the message where
//! there is none.
#![expect(clippy::indexing_slicing, reason = "a field of a JSON object that is new")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use caseward::ActionName;
use caseward::attendance::{Sample, zone};
use caseward::author::CasePath;
use caseward::sql::{Database, Dialect, Mapping};
use caseward::testing::asks::{self, about, query, who_may};
use caseward::testing::{Choices, Facts, bytes, clinic_sources, policies};
use caseward::{EntityUid, Group, Listing, Request, Sorted, Sources, Value, Ward, World};
use serde_json::{Value as Json, json};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Random wards of their own schema.
const WARDS: u64 = 12;
/// Worlds of a ward.
const WORLDS: u64 = 3;
/// Checks in a world, of those that its schema allows.
const CHECKS: usize = 60;
/// Of each other kind of question in a world.
const OTHERS: usize = 12;

fn main() -> Outcome {
    let path = std::env::args().nth(1).ok_or("usage: answers FILE")?;
    let mut out = Out(BufWriter::new(File::create(path)?), 0);
    let attendance = Ward::attendance()?;
    out.ward(None)?;
    out.cases(&attendance)?;
    for seed in 0..WORLDS {
        out.random_world(&attendance, seed)?;
        out.sample(&attendance, seed)?;
    }
    let clinic = clinic_sources();
    let ward = Ward::new(&clinic)?;
    out.ward(Some(&clinic))?;
    for seed in 0..WORLDS * 3 {
        out.random_world(&ward, seed)?;
    }
    for seed in 0..WARDS {
        let Some(drawn) = policies::ward(&mut Choices::new(&bytes(seed, 2_000)), 8) else { continue };
        out.ward(Some(&drawn.sources))?;
        for world in 0..WORLDS {
            out.random_world(&drawn.ward, seed * WORLDS + world)?;
        }
    }
    out.0.flush()?;
    Ok(())
}

/// Where lines go, and how many filters were asked for.
struct Out(BufWriter<File>, usize);

impl Out {
    fn line(&mut self, line: &Json) -> Outcome {
        serde_json::to_writer(&mut self.0, line)?;
        Ok(self.0.write_all(b"\n")?)
    }

    fn ward(&mut self, sources: Option<&Sources>) -> Outcome {
        let texts = |sources: &Sources| {
            let all =
                sources.policies.iter().map(|one| (one.name.to_string(), Json::from(one.text.as_ref())));
            Json::from(all.collect::<serde_json::Map<_, _>>())
        };
        let schema = sources.map(|sources| sources.schema.text.as_ref());
        let catalogue = sources.and_then(|sources| sources.catalogue.as_ref()).map(|one| one.text.as_ref());
        self.line(&json!({ "schema": schema, "policies": sources.map(texts), "catalogue": catalogue }))
    }

    /// The world as another build reads it, since lists are in the order of the data.
    fn world(&mut self, ward: &Ward, world: &World) -> Outcome<World> {
        let mut entities = Vec::new();
        world.write_json(&mut entities)?;
        let world = ward.read_world(entities.as_slice())?;
        let mut written = Vec::new();
        world.write_json(&mut written)?;
        self.line(&json!({
            "entities": String::from_utf8(entities)?,
            "written": String::from_utf8(written)?,
        }))?;
        Ok(world)
    }

    /// Every policy case, with what the rules ask for.
    fn cases(&mut self, ward: &Ward) -> Outcome {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/tests/cases");
        for found in CasePath::find(&folder)? {
            let name = found.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            for case in found.read(ward)?.cases {
                let world = self.world(ward, &case.world)?;
                let answer = ward.check(&world, &case.request);
                let mut line = question("check", &case.request, answer.map(|answer| json_text(&answer)));
                line["case"] = json!({
                    "name": format!("{name}: {}", case.name),
                    "expect": case.expect,
                    "policies": case.policies,
                });
                self.line(&line)?;
            }
        }
        Ok(())
    }

    /// A world drawn by a seed, with checks, lists, actions and explanations.
    fn random_world(&mut self, ward: &Ward, seed: u64) -> Outcome {
        let drawn = bytes(seed, 4_000);
        let mut choices = Choices::new(&drawn);
        let facts = Facts::new(ward, &mut choices);
        let Ok(world) = facts.build() else { return Ok(()) };
        let world = self.world(ward, &world)?;
        let requests = requests(ward, &facts, &mut choices);
        let every = |most: usize| requests.len().div_ceil(most).max(1);
        for request in requests.iter().step_by(every(CHECKS)) {
            let answer = ward.check(&world, request);
            self.line(&question("check", request, answer.map(|answer| json_text(&answer))))?;
        }
        for request in requests.iter().step_by(every(OTHERS)) {
            let Request { principal, action, resource, context, .. } = request;
            let found = ward.list(&world, &query(principal, action, resource.type_name(), context));
            let ids = |all: Vec<EntityUid>| json_text(&all.iter().map(EntityUid::id).collect::<Vec<_>>());
            self.line(&question("list", request, found.map(ids)))?;
            let why = ward.explain(&world, request);
            self.line(&question("explain", request, why.map(|why| json_text(&why))))?;
            let who =
                ward.who_with_reasons(&world, &who_may(action, resource, principal.type_name(), context));
            self.line(&question("who", request, who.map(|who| json_text(&who))))?;
            let dialect = Dialect::ALL[self.1 % Dialect::ALL.len()];
            self.1 += 1;
            let database = Database::new(ward.schema(), &Mapping::default(), dialect)?;
            let filter =
                ward.filter(&world, &query(principal, action, resource.type_name(), context), &database);
            let mut line = question("filter", request, filter.map(|filter| json_text(&filter)));
            line["dialect"] = dialect.name().into();
            self.line(&line)?;
            // Another action may have a field of the same name and of another type, which JSON does not tell.
            let read = ward.read_context_for(principal, resource, &json_text(context));
            if read.is_ok_and(|read| read == *context) {
                let answers = ward.actions(&world, &about(principal, resource, context));
                self.line(&question("actions", request, answers.map(|all| json_text(&all))))?;
                let view = ward.view(&world, &about(principal, resource, context));
                self.line(&question("view", request, view.map(|view| json_text(&view))))?;
            }
        }
        Ok(())
    }

    /// A sample of attendance case management, with what people there see and count.
    fn sample(&mut self, ward: &Ward, seed: u64) -> Outcome {
        let world = Sample { cases: 40, seed }.build(ward, &mut |_| {})?;
        let world = self.world(ward, &world)?;
        let by = ["status", "month of openedAt"].map(|text| Group::parse(text, &zone()));
        let by = by.into_iter().collect::<Result<Vec<_>, _>>()?;
        let cases: Vec<&str> = world.ids("Case")?.collect();
        for (user, &case) in world.ids("User")?.step_by(5).zip(cases.iter().cycle()) {
            let context = BTreeMap::from([("now".into(), Value::Datetime(1_778_446_800_000))]);
            let (principal, mut resource) = (EntityUid::new("User", user), EntityUid::new("Case", case));
            // Something that they see, where there is something.
            let seen = ward.list(&world, &query(&principal, "viewSummary", "Case", &context))?;
            if let Some(first) = seen.into_iter().next() {
                resource = first;
            }
            let request = asks::request(&principal, "viewSummary", &resource, &context);
            let Request { principal, action, resource, context, .. } = &request;
            let view = ward.view(&world, &about(principal, resource, context));
            self.line(&question("view", &request, view.map(|view| json_text(&view))))?;
            let who = ward.who_with_reasons(&world, &who_may(action, resource, "User", context));
            self.line(&question("who", &request, who.map(|who| json_text(&who))))?;
            let table = ward.count_by(&world, &query(principal, action, "Case", context), &by);
            self.line(&question("count_by", &request, table.map(|table| json_text(&table))))?;
            let listing = Listing::new().by("openedAt").descending().only("status", "open");
            let sorted = ward.sorted(&world, &query(principal, action, "Case", context), &listing);
            let ids = |all: Sorted| json_text(&all.iter().map(|uid| uid.id().to_owned()).collect::<Vec<_>>());
            self.line(&question("sorted", &request, sorted.map(ids)))?;
            let record = asks::request(&request.principal, "viewRecord", &request.resource, &request.context);
            let disclosure = ward.disclosure()?;
            let sight = ward.viewer(&world, principal, &record, &disclosure)?;
            let why = ward.explain_for(&world, &record, &sight);
            self.line(&question("explain_for", &record, why.map(|why| json_text(&why))))?;
        }
        Ok(())
    }
}

/// Every request that the schema allows among the entities of `facts`; some for an entity that is not there.
fn requests(ward: &Ward, facts: &Facts, choices: &mut Choices<'_>) -> Vec<Request> {
    let mut all = Vec::new();
    for action in ward.schema().actions() {
        let types = |types: &[_]| types.iter().flat_map(|&ty| facts.of_type(ty)).collect::<Vec<EntityUid>>();
        for principal in types(&action.principals) {
            for mut resource in types(&action.resources) {
                if choices.chance(1, 20) {
                    resource = EntityUid::new(resource.type_name(), "nowhere \"\\\n");
                }
                let context: BTreeMap<Arc<str>, Value> = facts.record(ward, choices, &action.context);
                let action = ActionName::new(action.uid.to_string());
                all.push(Request::new(principal.clone(), action, resource).in_context(context));
            }
        }
    }
    all
}

fn question(ask: &str, request: &Request, answer: Result<String, caseward::Error>) -> Json {
    let name = |uid: &EntityUid| json!({ "type": uid.type_name(), "id": uid.id() });
    let mut line = json!({
        "ask": ask,
        "principal": name(&request.principal),
        "action": request.action,
        "resource": name(&request.resource),
        "context": json_text(&request.context),
    });
    match answer {
        Ok(answer) => line["answer"] = answer.into(),
        Err(error) => line["error"] = error.to_string().into(),
    }
    line
}

fn json_text(answer: &impl serde::Serialize) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}
