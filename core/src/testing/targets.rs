//! What fuzzers run: each takes any bytes, and panics only where something is wrong.
//!
//! `fuzz/` runs them without end; the tests replay its seeds and every input that once failed.

use std::sync::OnceLock;

use super::laws::{change_sequence, read_as_cedar};
use super::policies::Drawn;
use super::{Cedar, Choices, Facts, clinic_sources, policies};
use crate::model::{ActionName, EntityUid, Error, Request, Source};
use crate::policy::{Sources, format};
use crate::ward::Ward;
use crate::world::World;

/// Something to run on any bytes.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its file in `fuzz/fuzz_targets` and of its folder of seeds.
pub const ALL: [(&str, Target); 7] = [
    ("policy_text", policy_text),
    ("schema_text", schema_text),
    ("entities_json", entities_json),
    ("decide_against_cedar", decide_against_cedar),
    ("list_against_check", list_against_check),
    ("change_sequences", change_sequences),
    ("snapshot", snapshot),
];

/// Questions asked of one drawn world, at most: an input is to take milliseconds.
const QUESTIONS: usize = 60;
/// Policies of one drawn set, at most.
const POLICIES: usize = 4;
/// Bytes of policies; what follows makes the world and the questions.
const FOR_POLICIES: usize = 512;

/// Any policy text, under the clinic's schema: refused clearly, or decided as Cedar decides it.
pub fn policy_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let source = Source::new("fuzz", text);
    let sources = Sources { policies: vec![source.clone()], ..clinic_sources() };
    let ward = match Ward::new(&sources) {
        Ok(ward) => ward,
        Err(error) => return refuses_clearly(&error, &source),
    };
    match format(&source) {
        Ok(formatted) => {
            let again =
                Sources { policies: vec![Source::new("fuzz", formatted.as_str())], ..clinic_sources() };
            let again = Ward::new(&again);
            assert!(again.is_ok(), "formatted text is refused: {:?}\n{formatted}", again.err());
            assert_eq!(again.ok().map(|ward| ward.policies().to_vec()), Some(ward.policies().to_vec()));
        }
        Err(error) => assert!(error.is_policies(), "{error}"),
    }
    let mut choices = Choices::new(data);
    let facts = Facts::new(&ward, &mut choices);
    decides_as_reference(&ward, &facts, &mut choices);
}

/// Any schema text: refused clearly, or worlds of it can be built, written and read again.
pub fn schema_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let source = Source::new("fuzz", text);
    let sources = Sources { schema: source.clone(), policies: Vec::new(), catalogue: None };
    let ward = match Ward::new(&sources) {
        Ok(ward) => ward,
        Err(error) => return refuses_clearly(&error, &source),
    };
    // A type may ask for itself without end, or for one that has no entities: then no world is whole.
    let facts = Facts::new(&ward, &mut Choices::new(data));
    let Ok(world) = facts.build() else { return };
    let mut json = Vec::new();
    assert!(world.write_json(&mut json).is_ok(), "a world in memory can be written");
    let again = ward.read_world(json.as_slice());
    assert!(
        again.is_ok(),
        "what was written is refused: {:?}\n{}",
        again.err(),
        String::from_utf8_lossy(&json)
    );
    let mut second = Vec::new();
    assert!(again.is_ok_and(|world| world.write_json(&mut second).is_ok()), "and written again");
    assert_eq!(sorted(&json), sorted(&second), "the same world");
}

/// Any entities JSON, under the clinic's schema: taken and refused as Cedar does, save for dangling references.
pub fn entities_json(data: &[u8]) {
    static CLINIC: OnceLock<Result<(Ward, Cedar), String>> = OnceLock::new();
    let made = CLINIC.get_or_init(|| {
        let sources = clinic_sources();
        let ward = Ward::new(&sources).map_err(|e| e.to_string())?;
        let cedar = Cedar::new(&ward, &sources)?;
        Ok((ward, cedar))
    });
    assert!(made.is_ok(), "the clinic's policies load: {:?}", made.as_ref().err());
    let Ok((ward, cedar)) = made else { return };
    match std::str::from_utf8(data) {
        Ok(text) => {
            let read = read_as_cedar(ward, cedar, text);
            assert!(read.is_ok(), "{}", read.err().unwrap_or_default());
        }
        Err(_) => assert!(ward.read_world(data).is_err(), "JSON is UTF-8"),
    }
}

/// A random ward and world: every check is Cedar's decision, failing closed.
pub fn decide_against_cedar(data: &[u8]) {
    let Some((drawn, facts, mut choices)) = draw(data) else { return };
    decides_as_reference(&drawn.ward, &facts, &mut choices);
}

/// A random ward and world, and batch after batch: it answers as a world that was made so, before, through and
/// after each.
pub fn change_sequences(data: &[u8]) {
    let held = change_sequence(data);
    assert!(held.is_ok(), "{}", held.err().unwrap_or_default());
}

/// A random ward and world: every list holds exactly what checks allow one by one.
pub fn list_against_check(data: &[u8]) {
    let Some((drawn, facts, mut choices)) = draw(data) else { return };
    let ward = &drawn.ward;
    let Ok(world) = facts.build() else { return };
    let mut asked = 0;
    for action in ward.schema().actions() {
        let name = action.uid.to_string();
        for (&from, &to) in
            action.principals.iter().flat_map(|p| action.resources.iter().map(move |r| (p, r)))
        {
            let Some(ty) = ward.schema().entity_type(to) else { continue };
            for principal in facts.of_type(from) {
                asked += 1;
                if asked > QUESTIONS {
                    return;
                }
                let context = facts.record(ward, &mut choices, &action.context);
                let mut allowed = facts.of_type(to);
                allowed.retain(|resource| {
                    let request = Request {
                        principal: principal.clone(),
                        action: ActionName::new(&name),
                        resource: resource.clone(),
                        context: context.clone().into(),
                    };
                    ward.check(&world, &request).is_ok_and(|answer| answer.is_allowed())
                });
                allowed.sort();
                let mut listed = ward.engine.list(&world, &principal, &name, &ty.name, &context).ok();
                listed.iter_mut().for_each(|all| all.sort());
                let count = ward.engine.count(&world, &principal, &name, &ty.name, &context).ok();
                assert_eq!(count, Some(allowed.len()), "{principal} {name} {context:?}\n{}", tell(&drawn));
                assert_eq!(listed, Some(allowed), "{principal} {name} {context:?}\n{}", tell(&drawn));
            }
        }
    }
}

/// Any bytes as a snapshot, with the right checksum: refused, or a world that is whole, and is written and opened
/// again the same.
pub fn snapshot(data: &[u8]) {
    static CLINIC: OnceLock<Option<Ward>> = OnceLock::new();
    let clinic = CLINIC.get_or_init(|| Ward::new(&clinic_sources()).ok()).as_ref();
    assert!(clinic.is_some(), "the clinic's policies load");
    let Some(ward) = clinic else { return };
    let mut sealed = data.to_vec();
    super::seal(&mut sealed);
    for bytes in [data, &sealed] {
        let world = match World::from_bytes(ward.schema(), bytes) {
            Ok(world) => world,
            Err(error) => {
                assert!(error.is_snapshot() || error.is_schema(), "{error}");
                continue;
            }
        };
        let mut json = Vec::new();
        assert!(world.write_json(&mut json).is_ok(), "a world in memory can be written");
        let read = ward.read_world(json.as_slice());
        assert!(read.is_ok(), "it is no world: {:?}\n{}", read.err(), String::from_utf8_lossy(&json));
        let mut second = Vec::new();
        assert!(read.is_ok_and(|world| world.write_json(&mut second).is_ok()), "and written again");
        assert_eq!(sorted(&json), sorted(&second), "the same world");
        let again = world.to_bytes();
        let opened = World::from_bytes(ward.schema(), &again);
        assert_eq!(opened.ok().map(|world| world.to_bytes()), Some(again), "the same bytes");
    }
}

/// A ward and facts from the bytes, and the bytes that are left.
fn draw(data: &[u8]) -> Option<(Drawn, Facts, Choices<'_>)> {
    let (first, rest) = data.split_at_checked(FOR_POLICIES).unwrap_or((data, &[]));
    let drawn = policies::ward(&mut Choices::new(first), POLICIES)?;
    let mut choices = Choices::new(rest);
    let facts = Facts::new(&drawn.ward, &mut choices);
    Some((drawn, facts, choices))
}

fn tell(drawn: &Drawn) -> String {
    let texts = drawn.sources.policies.iter().map(|policy| policy.text.as_ref());
    let texts: Vec<&str> = std::iter::once(drawn.sources.schema.text.as_ref()).chain(texts).collect();
    texts.join("\n")
}

fn decides_as_reference(ward: &Ward, facts: &Facts, choices: &mut Choices<'_>) {
    let Ok(world) = facts.build() else { return };
    for _ in 0..QUESTIONS {
        let Some(request) = super::request(ward, facts, choices) else { continue };
        agrees(ward, &world, &request);
    }
}

fn agrees(ward: &Ward, world: &World, request: &Request) {
    // Ids alone: the words of evaluation errors differ.
    let what = |answer: Result<crate::model::Answer, Error>| {
        let answer = answer.map_err(|e| e.to_string())?;
        let failed: Vec<_> = answer.errors.iter().map(|fault| fault.to_string()).collect();
        let failed: Vec<_> = failed.iter().map(|text| text.split(": ").next().map(str::to_owned)).collect();
        Ok::<_, String>((answer.decision, answer.policies, failed))
    };
    let (found, expected) = (what(ward.check(world, request)), what(ward.check_by_reference(world, request)));
    let texts =
        ward.policies().iter().filter_map(|p| ward.source(&p.id)).map(|source| source.text.to_string());
    assert_eq!(found, expected, "{request:?}\n{}", texts.collect::<Vec<_>>().join("\n"));
}

/// An error of policies says what is wrong, where, and in words in proportion to the text.
fn refuses_clearly(error: &Error, source: &Source) {
    assert!(error.is_policies(), "{error}");
    assert!(!error.problems().is_empty(), "no reason is given");
    assert!(error.to_string().len() <= (64 << 10) + 64 * source.text.len(), "too many words");
    for problem in error.problems() {
        assert!(!problem.message.is_empty(), "an empty message");
        if let (Some(span), true) = (&problem.span, problem.source == source.name.as_ref()) {
            assert!(source.text.get(span.range()).is_some(), "{span:?} is no place in the text");
        }
    }
}

/// Entities, and the parents of each, in an order of their own: lists of them have none.
fn sorted(json: &[u8]) -> Vec<String> {
    let mut all: Vec<serde_json::Value> = serde_json::from_slice(json).unwrap_or_default();
    for entity in &mut all {
        if let Some(parents) = entity.get_mut("parents").and_then(serde_json::Value::as_array_mut) {
            parents.sort_by_key(ToString::to_string);
        }
    }
    let mut all: Vec<String> = all.iter().map(ToString::to_string).collect();
    all.sort();
    all
}

/// The snapshot without what differs from run to run.
fn of_no_epoch(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.iter_mut().skip(crate::world::snapshot::EPOCH).take(size_of::<u64>()).for_each(|byte| *byte = 0);
    super::seal(&mut bytes);
    bytes
}

/// Seeds for each target, by name: what a fuzzer starts from. `make fuzz-seeds` writes them.
pub fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut all = Vec::new();
    let clinic = clinic_sources();
    for source in &clinic.policies {
        all.push(("policy_text", source.name.replace('/', "-"), source.text.as_bytes().to_vec()));
    }
    let together: String = clinic.policies.iter().map(|source| source.text.as_ref()).collect();
    all.push(("policy_text", "all.cedar".to_owned(), together.into_bytes()));
    all.push(("schema_text", "clinic.cedarschema".to_owned(), clinic.schema.text.as_bytes().to_vec()));
    let attendance = Sources::attendance().schema.text.as_bytes().to_vec();
    all.push(("schema_text", "attendance.cedarschema".to_owned(), attendance));
    for n in 0..6_u64 {
        let drawn = super::bytes(n, 4_000);
        let text = super::schema(&mut Choices::new(&drawn));
        all.push(("schema_text", format!("random-{n}.cedarschema"), text.into_bytes()));
        if let Ok(ward) = Ward::new(&clinic) {
            let facts = Facts::sized(&ward, &mut Choices::new(&drawn), 1, 2);
            let text = super::entities_json(&facts, &mut Choices::new(&super::bytes(n + 100, 256)));
            all.push(("entities_json", format!("random-{n}.json"), text.into_bytes()));
            if let Ok(world) = facts.build() {
                all.push(("snapshot", format!("random-{n}"), of_no_epoch(world.to_bytes())));
            }
        }
        for target in ["decide_against_cedar", "list_against_check", "change_sequences"] {
            all.push((target, format!("random-{n}"), super::bytes(n + 200, 1_500)));
        }
    }
    let lone = EntityUid::new("Clinic::Team", "0");
    let lone = serde_json::json!([{ "uid": { "type": lone.type_name(), "id": lone.id() }, "attrs": {}, "parents": [] }]);
    all.push(("entities_json", "team.json".to_owned(), lone.to_string().into_bytes()));
    all
}
