//! Under other names all is decided alike, and no name is left.

use caseward::attendance::Sample;
use caseward::facts::{Choices, Facts, bytes};
use caseward::{ActionName, EntityUid, Query, ReleaseKey, Source, Sources, TypeName, Value, Ward};

use crate::support::{ATTENDANCE, NOW};

fn key() -> ReleaseKey {
    ReleaseKey::new(&(0..32).collect::<Vec<u8>>()).unwrap()
}

fn renamed(uid: &EntityUid) -> EntityUid {
    EntityUid::new(uid.type_name(), key().hash(uid.id()))
}

#[test]
fn decisions_are_those_of_the_world_that_it_was_made_of() {
    let ward: &Ward = &ATTENDANCE;
    let world = Sample { cases: 120, seed: 3 }.build(ward, &mut |_| {}).unwrap();
    let other = ward.pseudonymised(&world, &key()).unwrap();
    assert_eq!(other.len(), world.len());
    let mut found = 0;
    for id in world.ids("User").unwrap().step_by(3) {
        let person = EntityUid::new("User", id);
        for (action, ty) in [("viewSummary", "Case"), ("viewItem", "Item"), ("viewRequest", "Request")] {
            let query = |who: EntityUid| Query::new(who, ActionName::new(action), TypeName::new(ty)).at(NOW);
            let here = ward.list(&world, &query(person.clone())).unwrap();
            let mut here: Vec<EntityUid> = here.iter().map(renamed).collect();
            let mut there = ward.list(&other, &query(renamed(&person))).unwrap();
            here.sort();
            there.sort();
            assert_eq!(here, there);
            found += here.len();
        }
    }
    assert!(found > 100, "{found}");
    // No id of the one is anywhere in the other, as text.
    let mut text = Vec::new();
    other.write_json(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for ty in ["User", "Student", "Case", "Item", "Request", "School", "Provider"] {
        assert!(world.ids(ty).unwrap().all(|id| !text.contains(&format!("\"{id}\""))), "{ty}");
    }
    for student in world.ids("Student").unwrap() {
        let facts = world.attributes(&EntityUid::new("Student", student)).unwrap().unwrap();
        let Value::String(nsn) = &facts["nsn"] else { panic!("{student}") };
        assert!(!text.contains(&format!("\"{nsn}\"")), "{student}");
    }
    // Under one key the same, under another nothing of it.
    assert_eq!(Facts::of(&ward.pseudonymised(&world, &key()).unwrap()).entities, Facts::of(&other).entities);
    let key = ReleaseKey::new(&(1..33).collect::<Vec<u8>>()).unwrap();
    let another = ward.pseudonymised(&world, &key).unwrap();
    assert!(another.ids("User").unwrap().all(|id| !other.contains(&EntityUid::new("User", id))));
}

/// Random worlds, with every oddity that the schema allows.
#[test]
fn whatever_the_facts_are_decisions_stay() {
    let ward: &Ward = &ATTENDANCE;
    for seed in 0..60 {
        let drawn = bytes(seed, 2_400);
        let world = Facts::new(ward, &mut Choices::new(&drawn)).build().unwrap();
        let other = ward.pseudonymised(&world, &key()).unwrap();
        let named: Vec<&EntityUid> = ward.named().collect();
        let renamed = |uid: &EntityUid| if named.contains(&uid) { uid.clone() } else { renamed(uid) };
        for id in world.ids("User").unwrap() {
            let person = EntityUid::new("User", id);
            let query = |who| Query::new(who, ActionName::new("viewSummary"), TypeName::new("Case")).at(NOW);
            let here = ward.list(&world, &query(person.clone())).unwrap();
            let mut here: Vec<EntityUid> = here.iter().map(renamed).collect();
            let mut there = ward.list(&other, &query(renamed(&person))).unwrap();
            here.sort();
            there.sort();
            assert_eq!(here, there);
        }
    }
}

#[test]
fn what_looks_into_texts_is_refused() {
    let ward = Ward::new(&Sources {
        schema: Source::new(
            "schema",
            "entity User; entity Doc = { title: String }; action read appliesTo { principal: User, resource: Doc };",
        ),
        policies: vec![Source::new(
            "policies",
            r#"@id("open") permit (principal, action, resource) when { resource.title like "open*" };"#,
        )],
        catalogue: None,
    })
    .unwrap();
    let world = ward.read_world("[]".as_bytes()).unwrap();
    let error = ward.pseudonymised(&world, &key()).unwrap_err();
    assert!(error.is_request());
    assert!(error.to_string().contains("`read` looks into texts by `like`"), "{error}");
}
