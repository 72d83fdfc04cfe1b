//! Made-up data of another domain: the same for the same seed, with something that the policies allow and deny.

use std::collections::{BTreeMap, BTreeSet};

use caseward::author::{Diff, MadeUp};
use caseward::testing::asks;
use caseward::testing::clinic_sources;
use caseward::{EntityUid, Source, Sources, Value, Ward, World};

fn json(world: &World) -> String {
    let mut bytes = Vec::new();
    world.write_json(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn all(world: &World, ty: &str) -> Vec<EntityUid> {
    world.ids(ty).unwrap().map(|id| EntityUid::new(ty, id)).collect()
}

#[test]
fn the_same_seed_makes_the_same_data() {
    let ward = Ward::new(&clinic_sources()).unwrap();
    let made = |seed| MadeUp { size: 20, seed }.build(&ward).unwrap();
    assert_eq!(json(&made(1)), json(&made(1)));
    assert_ne!(json(&made(1)), json(&made(2)));
    // It is what the ward reads: every reference leads somewhere, every value is of its type.
    assert_eq!(ward.read_world(json(&made(3)).as_bytes()).unwrap().len(), made(3).len());
}

#[test]
fn most_permits_of_a_clinic_allow_something() {
    let ward = Ward::new(&clinic_sources()).unwrap();
    let world = MadeUp { size: 20, seed: 1 }.build(&ward).unwrap();
    let address = world.attribute(&all(&world, "Clinic::Staff")[0], "desk").unwrap().unwrap();
    let extra = Value::record([("reason", Value::from("x")), ("amount", Value::Decimal(0))]);
    let now = Value::Datetime(1_778_446_800_000);
    let context: BTreeMap<_, _> = [("now", now), ("from", address), ("extra", extra)]
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    let (mut by, mut denied) = (BTreeSet::new(), 0);
    for principal in all(&world, "Clinic::Staff") {
        for action in ["Clinic::Action::\"read\"", "Clinic::Action::\"write\""] {
            for resource in all(&world, "Clinic::Record") {
                let request = asks::request(&principal, action, &resource, &context);
                let answer = ward.check(&world, &request).unwrap();
                denied += usize::from(!answer.is_allowed());
                by.extend(
                    answer.policies.into_iter().filter(|_| answer.decision == caseward::Decision::Allow),
                );
            }
        }
    }
    assert!(by.len() >= 2 && denied > 0, "{by:?}, {denied}");
}

#[test]
fn a_clinic_shows_what_is_changed() {
    let sources = clinic_sources();
    let changed = |id: &str, from: &str, to: &str| {
        let mut changed = sources.clone();
        let source = changed.policies.iter_mut().find(|source| source.name.as_ref() == id).unwrap();
        assert!(source.text.contains(from), "{id}");
        *source = Source::new(source.name.clone(), source.text.replace(from, to));
        changed
    };
    for (id, from, to) in [
        ("records/owner.cedar", "resource.readers.contains(principal)", "false"),
        ("records/owner.cedar", "* 2 - 1 <=", "* 2 - 1 <"),
        ("records/boss.cedar", ".level > 3", ".level > 4"),
        ("records/boss.cedar", "context.from.isInRange(resource.network) ||", ""),
        ("records/team.cedar", "resource in Clinic::Ward::\"0\"", "false"),
        ("records/team.cedar", "duration(\"1h\")", "duration(\"2h\")"),
        ("records/colour.cedar", "!= Clinic::Colour::\"green\"", "== Clinic::Colour::\"green\""),
        ("records/price.cedar", "lessThan", "lessThanOrEqual"),
        ("doors/open.cedar", "contains(\"x\")", "contains(\"y\")"),
        (
            "doors/open.cedar",
            "getTag(\"a\").contains",
            "getTag(\"a\").isEmpty() == false || resource.hasTag(\"b\") && resource.getTag(\"b\").contains",
        ),
        ("doors/open.cedar", "== context.code", "== context.code + 1"),
        ("doors/open.cedar", "== \"unknown\"", "== \"known\""),
    ] {
        let diff = Diff::new(&sources, &changed(id, from, to)).unwrap();
        let world = MadeUp { size: 4, seed: 1 }.build(diff.ward()).unwrap();
        let drawn = diff.draw_near(&world, 1_778_446_800_000, 1).unwrap();
        assert!(drawn.people().next().is_some(), "{id}: {from} → {to}");
    }
}

/// Documents with something of every type that conditions tell apart.
const DOCUMENTS: &str = r#"
entity User { level: Long } tags String;
entity Doc { code: String, addr?: ipaddr, due?: datetime, name?: String, owner?: User, watchers: Set<User>, flag?: Bool }
  tags Set<String>;
action edit appliesTo {
  principal: User, resource: Doc,
  context: { now: datetime, via: Set<User>, from?: ipaddr, req?: { by: User, mode: String } },
};
"#;

#[test]
fn what_is_asked_of_one_value_in_several_places_is_met() {
    let none = Sources {
        schema: Source::new("schema.cedarschema", DOCUMENTS),
        policies: Vec::new(),
        catalogue: None,
    };
    for gain in [
        "resource has addr && resource.addr.isLoopback()",
        "resource has addr && resource.addr.isMulticast()",
        "context has from && context.from.isIpv6()",
        "resource has addr && context has from && resource.addr == context.from",
        r#"resource.code like "a*b*c" && resource.code like "*d*""#,
        r#"resource.code like "A-*" && resource.code like "*-Z" && resource.code like "*m*" && !(resource.code like "*mm*")"#,
        r#"resource has name && resource.name like "a*" && resource.name != "a""#,
        r#"resource has due && resource.due.toTime() == duration("9h30m")"#,
        r#"context.now > datetime("2026-12-24T10:00:00Z") && context.now.toTime() < duration("1h")
           && context.now < datetime("2026-12-30T00:00:00Z")"#,
        "context.via.containsAll(resource.watchers) && !resource.watchers.isEmpty()",
        "context.via == resource.watchers && resource.watchers.contains(principal)",
        "resource has owner && resource.owner == principal",
        r#"principal.hasTag("team") && principal.getTag("team") like "ops-*""#,
        r#"principal.hasTag(resource.code) && principal.getTag(resource.code) like "ops-*""#,
        r#"resource.hasTag("k") && resource.getTag("k") == ["x", "y"]"#,
        r#"context has req && context.req.mode like "ops-*""#,
        "resource has flag && resource.flag",
    ] {
        let mut new = none.clone();
        let text = format!("@id(\"extra\")\npermit (principal, action, resource) when {{ {gain} }};");
        new.policies.push(Source::new("extra.cedar", text));
        let diff = Diff::new(&none, &new).unwrap();
        for seed in 1..=3 {
            let world = MadeUp { size: 4, seed }.build(diff.ward()).unwrap();
            let drawn = diff.draw_near(&world, 1_778_446_800_000, seed).unwrap();
            assert!(drawn.people().next().is_some(), "{gain}");
        }
    }
}
