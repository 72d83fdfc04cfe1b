//! Worlds as bytes: what is opened is what was written, and bytes that are no world are refused.

use caseward::testing::asks::query;
use caseward::testing::{Choices, Facts, bytes, policies, seal, targets};
use caseward::{Changes, Cursor, EntityUid, Ward, World};

use crate::support::{ATTENDANCE, CLINIC, NOW, at, facts, number};

/// Bytes before the epoch: magic, format, the schema's hash, and the length.
const EPOCH: usize = 8 + 4 + 32 + 8;

fn json(world: &World) -> String {
    let mut json = Vec::new();
    world.write_json(&mut json).unwrap();
    String::from_utf8(json).unwrap()
}

fn reopened(world: &World) -> World {
    World::from_bytes(world.schema(), &world.to_bytes()).unwrap()
}

/// So many cases of a law that is run at length on demand.
fn seeds(cases: u32) -> std::ops::Range<u64> {
    let first = u64::from(number("CASEWARD_SEED").unwrap_or(1)) * 1_000_000;
    first..first + u64::from(cases * number("CASEWARD_CASES").unwrap_or(1))
}

/// Batches that make a history: something is set, something is added, and something goes if it can.
fn change(ward: &Ward, facts: &Facts, choices: &mut Choices<'_>) -> Vec<Changes> {
    let all: Vec<EntityUid> = facts.entities.keys().cloned().collect();
    let mut batches = Vec::new();
    for n in 0..3 {
        let Some(uid) = choices.pick(&all) else { break };
        let added = EntityUid::new(uid.type_name(), format!("new {n}"));
        let whole = |name: &EntityUid| {
            let attributes = facts.entities[uid].iter().map(|(name, value)| (name.as_ref(), value.clone()));
            let tags = facts.tags.get(uid).cloned().unwrap_or_default();
            Changes::new().put_whole(
                name,
                attributes,
                facts.parents.get(uid).into_iter().flatten().cloned(),
                tags,
            )
        };
        batches.push(whole(&added));
        let ty = ward.schema().entity_type(ward.schema().type_id(uid.type_name()).unwrap()).unwrap();
        if let Some((name, attribute)) = choices.pick(&ty.attributes) {
            let value = facts.value(ward, choices, name, &attribute.ty);
            batches.push(Changes::new().set(&added, name, value));
        }
        batches.push(Changes::new().remove(if choices.chance(1, 2) { &added } else { uid }));
    }
    batches
}

/// What was asked, and the list or the refusal.
type Listed = (String, Result<Vec<EntityUid>, String>);

/// Lists of every action, for some of each type of principals.
fn lists(ward: &Ward, facts: &Facts, world: &World) -> Vec<Listed> {
    let mut all = Vec::new();
    for action in ward.schema().actions() {
        let context = at(NOW);
        for (&from, &to) in
            action.principals.iter().flat_map(|from| action.resources.iter().map(move |to| (from, to)))
        {
            let to = &ward.schema().entity_type(to).unwrap().name;
            for principal in facts.of_type(from).into_iter().take(2) {
                let listed = ward.list(world, &query(&principal, &action.uid.to_string(), to, &context));
                all.push((format!("{principal} {} {to}", action.uid), listed.map_err(|e| e.to_string())));
            }
        }
    }
    all
}

/// A world with a history, opened again: the same, and the same after more changes.
fn goes_on_as_it_was(ward: &Ward, facts: &Facts, choices: &mut Choices<'_>) -> bool {
    let Ok(world) = facts.build() else { return false };
    for batch in change(ward, facts, choices) {
        let _ = world.apply(&batch);
    }
    let again = reopened(&world);
    assert_eq!(again.to_bytes(), world.to_bytes());
    let same = |world: &World, again: &World| {
        assert_eq!(json(again), json(world));
        assert_eq!((again.epoch(), again.version()), (world.epoch(), world.version()));
        assert_eq!(again.len(), world.len());
        assert_eq!(lists(ward, facts, again), lists(ward, facts, world));
    };
    same(&world, &again);
    for uid in facts.all() {
        let (handle, found) = (world.handle(&uid), again.handle(&uid));
        assert_eq!(handle, found);
        assert_eq!(handle.map(|handle| again.name(handle).unwrap()), handle.map(|_| uid.clone()));
        assert_eq!(again.attributes(&uid).unwrap(), world.attributes(&uid).unwrap());
    }
    for batch in change(ward, facts, choices) {
        let words = |applied: Result<u64, caseward::Error>| applied.map_err(|e| e.to_string());
        assert_eq!(words(again.apply(&batch)), words(world.apply(&batch)));
    }
    same(&world, &again);
    // A world seen through changes is written as it is seen.
    for batch in change(ward, facts, choices) {
        if let Ok(seen) = world.with(&batch) {
            assert_eq!(json(&reopened(&seen)), json(&seen));
        }
    }
    ward.read_world(json(&again).as_bytes()).is_ok()
}

#[test]
fn a_world_goes_on_as_it_was() {
    let mut whole = 0;
    for seed in seeds(150) {
        let drawn = bytes(seed, 2_000);
        for ward in [&*ATTENDANCE, &*CLINIC] {
            let mut choices = Choices::new(&drawn);
            let facts = Facts::new(ward, &mut choices);
            whole += usize::from(goes_on_as_it_was(ward, &facts, &mut choices));
        }
        let mut choices = Choices::new(&drawn);
        if let Some(drawn) = policies::ward(&mut choices, 2) {
            let facts = Facts::new(&drawn.ward, &mut choices);
            whole += usize::from(goes_on_as_it_was(&drawn.ward, &facts, &mut choices));
        }
    }
    assert!(whole > 350, "{whole} worlds");
}

#[test]
fn a_cursor_goes_on_where_it_was() {
    let mut pages = 0;
    for seed in 0..20 {
        let drawn = bytes(seed, 2_000);
        let mut choices = Choices::new(&drawn);
        let facts = Facts::new(&CLINIC, &mut choices);
        let world = facts.build().unwrap();
        let again = reopened(&world);
        for action in CLINIC.schema().actions() {
            let context = facts.record(&CLINIC, &mut choices, &action.context);
            let (from, to) = (action.principals[0], action.resources[0]);
            let to = &CLINIC.schema().entity_type(to).unwrap().name;
            for principal in facts.of_type(from) {
                let see =
                    |world| CLINIC.visible(world, &query(&principal, &action.uid.to_string(), to, &context));
                let (before, after) = (see(&world).unwrap(), see(&again).unwrap());
                let Some(next) = before.page(None, 1).unwrap().next else { continue };
                let kept: Cursor = next.to_string().parse().unwrap();
                let rest = before.page(Some(next), 9).unwrap().entities;
                assert_eq!(after.page(Some(kept), 9).unwrap().entities, rest);
                pages += 1;
            }
        }
    }
    assert!(pages > 10, "{pages} pages");
}

#[test]
fn worlds_of_one_snapshot_go_their_own_ways() {
    let (facts, world) = facts(&ATTENDANCE, &bytes(5, 900));
    let (a, b) = (reopened(&world), reopened(&world));
    for n in 0..40 {
        let drawn = bytes(n, 64);
        let mut choices = Choices::new(&drawn);
        for batch in change(&ATTENDANCE, &facts, &mut choices) {
            let _ = a.apply(&batch);
        }
        let expected = ATTENDANCE.read_world(json(&a).as_bytes()).unwrap();
        assert_eq!(sorted(lists(&ATTENDANCE, &facts, &a)), sorted(lists(&ATTENDANCE, &facts, &expected)));
        assert_eq!(lists(&ATTENDANCE, &facts, &b), lists(&ATTENDANCE, &facts, &world));
    }
}

/// Lists without the order of rows.
fn sorted(mut lists: Vec<Listed>) -> Vec<Listed> {
    lists.iter_mut().flat_map(|(_, listed)| listed).for_each(|all| all.sort());
    lists
}

/// A snapshot with attributes of all kinds, a hierarchy and tags, as small as may be.
fn small() -> Vec<u8> {
    let facts = Facts::sized(&CLINIC, &mut Choices::new(&bytes(8, 600)), 1, 1);
    facts.build().unwrap().to_bytes()
}

#[test]
fn damage_is_refused() {
    let small = small();
    let schema = CLINIC.schema();
    for len in 0..small.len() {
        let error = World::from_bytes(schema, &small[..len]).unwrap_err();
        assert!(error.is_snapshot(), "{len} bytes: {error}");
    }
    for at in 0..small.len() {
        for change in [1, 0x80, 0xff] {
            let mut bytes = small.clone();
            bytes[at] ^= change;
            assert!(World::from_bytes(schema, &bytes).unwrap_err().is_snapshot(), "byte {at}");
        }
    }
}

#[test]
fn malice_is_refused_or_makes_a_whole_world() {
    let small = small();
    let schema = CLINIC.schema();
    let mut taken = 0;
    for at in EPOCH..small.len() - 32 {
        for value in [small[at] ^ 1, small[at] ^ 0x80, 0, 1, 2, 0x7f, 0xff] {
            let mut bytes = small.clone();
            bytes[at] = value;
            seal(&mut bytes);
            taken += usize::from(value != small[at] && World::from_bytes(schema, &bytes).is_ok());
            targets::snapshot(&bytes);
        }
        // Something too many, and something missing.
        let mut longer = small.clone();
        longer.insert(at, small[at]);
        targets::snapshot(&longer);
        let mut shorter = small.clone();
        shorter.remove(at);
        targets::snapshot(&shorter);
    }
    assert!(taken > 20, "{taken} changes were taken: an id, a number, a version");
}

#[test]
fn what_is_wrong_is_said() {
    let small = small();
    let refused = |change: &dyn Fn(&mut Vec<u8>), why: &str| {
        let mut bytes = small.clone();
        change(&mut bytes);
        let error = World::from_bytes(CLINIC.schema(), &bytes).unwrap_err();
        assert!(error.is_snapshot() && error.to_string().contains(why), "{error}");
    };
    refused(&|bytes| bytes.clear(), "does not begin as one");
    refused(&|bytes| bytes[0] = b'[', "does not begin as one");
    refused(&|bytes| bytes.truncate(10), "cut off");
    refused(&|bytes| bytes.truncate(20), "cut off");
    refused(&|bytes| bytes[8] = 1, "of format 1, and this reads 2");
    refused(&|bytes| bytes.truncate(bytes.len() - 1), "cut off");
    refused(&|bytes| bytes.push(0), "there is something behind its end");
    refused(&|bytes| bytes[EPOCH - 8..EPOCH].fill(0xff), "cut off");
    refused(&|bytes| bytes[EPOCH - 8..EPOCH].fill(0), "there is something behind its end");
    refused(&|bytes| bytes[100] ^= 1, "checksum does not match");
    refused(
        &|bytes| {
            bytes[EPOCH + 8..EPOCH + 16].fill(0xff);
            seal(bytes);
        },
        "version 18446744073709551615",
    );
    // By its first bytes alone, of a file whose length is known or not.
    let (start, len) = (&small[..World::SNAPSHOT_START], small.len() as u64);
    let fits = |start: &[u8], len| World::snapshot_fits(CLINIC.schema(), start, len);
    assert_eq!((fits(start, None).unwrap(), fits(start, Some(len)).unwrap()), (len, len));
    assert!(fits(start, Some(60 << 30)).unwrap_err().to_string().contains("behind its end"));
    assert!(fits(start, Some(len - 1)).unwrap_err().to_string().contains("cut off"));
    assert!(fits(&start[1..], None).unwrap_err().is_snapshot() && fits(&start[..20], None).is_err());
    assert!(World::snapshot_fits(ATTENDANCE.schema(), start, None).unwrap_err().is_schema());
    let error = World::from_bytes(ATTENDANCE.schema(), &small).unwrap_err();
    assert!(error.is_schema(), "{error}");
    assert!(World::is_snapshot(&small) && !World::is_snapshot(b"[{}]") && !World::is_snapshot(b"case"));
}

#[test]
#[ignore = "takes gigabytes: for those who measure"]
fn how_long_it_takes() {
    let cases = number("CASEWARD_SNAPSHOT").unwrap_or(100_000) as usize;
    let world = caseward::attendance::Sample { cases, seed: 1 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    for _ in 0..3 {
        let start = std::time::Instant::now();
        let bytes = world.to_bytes();
        let wrote = start.elapsed();
        let start = std::time::Instant::now();
        let again = World::from_bytes(world.schema(), &bytes).unwrap();
        println!(
            "{cases} cases, {} entities: {} bytes, capacity {}, written in {wrote:.2?}, opened in {:.2?}",
            again.len(),
            bytes.len(),
            bytes.capacity(),
            start.elapsed()
        );
        let start = std::time::Instant::now();
        world.write_snapshot(std::io::sink()).unwrap();
        println!("hashed and written to nowhere in {:.2?}", start.elapsed());
    }
}
