//! What authors of policies are told: cases that cannot be used, what cases cover, and the changes they notice.

use std::collections::BTreeSet;

use caseward::ActionName;
use caseward::author::{CaseFile, Coverage, Drawing, Fate, Kind, Mutations, Proof};
use caseward::{Decision, Source, Sources, Ward};

use crate::cases::files;
use crate::support::ATTENDANCE;

const SCHEMA: &str = "
entity Team;
entity User { active: Bool, lead?: Team, deputy?: Team };
entity Doc { owner: User, team: Team, kind: String };
action read, write appliesTo { principal: User, resource: Doc, context: { urgent?: Bool } };";

const READ: &str = r#"@id("docs.read")
@rule("R1")
permit (principal, action == Action::"read", resource is Doc)
// the lead of its team
when { principal has lead && principal.lead == resource.team }
// open
when { resource.kind == "open" };
"#;

const WORLD: &str = r#"
[world.Team.a]
[world.Team.b]
[world.User.ana]
active = true
lead = "a"
[world.User.bo]
active = true
[world.Doc.plan]
owner = "bo"
team = "a"
kind = "open"
"#;

fn desk(policy: &str) -> Ward {
    let schema = Source::new("schema.cedarschema", SCHEMA);
    Ward::new(&Sources { schema, policies: vec![Source::new("docs/read.cedar", policy)], catalogue: None })
        .unwrap()
}

fn case(name: &str, who: &str, expect: &str, rest: &str) -> String {
    format!(
        "\n[[case]]\nname = \"{name}\"\nprincipal = \"User.{who}\"\naction = \"read\"\n\
         resource = \"Doc.plan\"\nexpect = \"{expect}\"\n{rest}\n"
    )
}

/// Cases in which each condition of [`READ`] decides both ways.
fn complete() -> String {
    [
        WORLD.to_owned(),
        case("the lead reads it", "ana", "allow", "policies = [\"docs.read\"]"),
        case(
            "nobody without a team does",
            "bo",
            "deny",
            "fails = { \"docs.read\" = \"the lead of its team\" }",
        ),
        case("no other lead does", "ana", "deny", "change = { \"User.ana\" = { lead = \"b\" } }"),
        case("nobody reads it shut", "ana", "deny", "change = { \"Doc.plan\" = { kind = \"shut\" } }"),
    ]
    .concat()
}

fn read(ward: &Ward, text: &str) -> CaseFile {
    CaseFile::read(ward, "desk.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

/// The message and the text at the place of the only problem.
#[track_caller]
fn refused(text: &str) -> (String, String) {
    let error = CaseFile::read(&desk(READ), "desk.toml", text).expect_err("the file is refused");
    assert!(error.is_data());
    let [problem] = error.problems() else { panic!("{error}") };
    let span = problem.span.expect("a problem has its place");
    (problem.message.clone(), text[span.range()].to_owned())
}

#[test]
fn what_a_case_misnames_is_refused_at_its_place() {
    let good = complete();
    for (was, is, message, place) in [
        (
            "[[case]]\nname = \"the lead",
            "[[cases]]\nname = \"the lead",
            "unknown key `cases`; did you mean `case`?",
            "cases",
        ),
        ("policies = ", "polices = ", "unknown key `polices`; did you mean `policies`?", "polices"),
        ("\"User.bo\"", "\"User.ba\"", "is not in the case's world; did you mean `bo`?", "\"User.ba\""),
        ("\"User.bo\"", "\"Usr.bo\"", "no entity type `Usr`; did you mean `User`?", "\"Usr.bo\""),
        ("\"User.bo\"", "\"bo\"", "is not of the form Type.id", "\"bo\""),
        ("action = \"read\"", "action = \"raed\"", "no action `raed`; did you mean `read`?", "\"raed\""),
        (
            "\"docs.read\"]",
            "\"docs.raed\"]",
            "no policy `docs.raed`; did you mean `docs.read`?",
            "\"docs.raed\"",
        ),
        ("lead of its team", "lead of her team", "did you mean `the lead of its team`?", "\"docs.read\""),
        ("lead = \"a\"", "laed = \"a\"", "no attribute `laed`; did you mean `lead`?", "laed"),
        ("lead = \"a\"", "lead = 1", "expected Team", "1"),
        ("[world.User.ana]", "[world.Usr.ana]", "no entity type `Usr`; did you mean `User`?", "Usr"),
        ("expect = \"allow\"", "expect = \"alow\"", "did you mean `allow`?", "\"alow\""),
        ("kind = \"shut\"", "knd = \"shut\"", "no attribute `knd`; did you mean `kind`?", "knd"),
    ] {
        assert!(good.contains(was), "{was}");
        let text = good.replacen(was, is, 1);
        let error = CaseFile::read(&desk(READ), "desk.toml", &text).expect_err(is);
        let problem = error.problems().iter().find(|problem| problem.message.contains(message));
        let problem = problem.unwrap_or_else(|| panic!("`{message}` is not told of {is}: {error}"));
        assert_eq!(&text[problem.span.unwrap().range()], place, "{is}");
    }
}

#[test]
fn more_that_makes_no_case_is_refused() {
    let one = |rest: &str| format!("{WORLD}{}", case("x", "ana", "deny", rest));
    for (rest, message) in [
        ("unset = [\"User.bo.lead\"]", "`unset` names `User.bo.lead`, which is not set"),
        ("absent = [\"User.bo\"]", "which is in the world"),
        ("absent = [\"User.cy\"]", "which is not named by the request"),
        ("rules = [\"R2\"]", "no policy has the rule `R2`; did you mean `R1`?"),
        ("context = { urgnt = true }", "no field `urgnt` here; did you mean `urgent`?"),
        ("context = { urgent = 1 }", "expected Bool"),
        ("change = { \"Doc.plan\" = { team = \"c\" } }", "Team::\"c\""),
        ("fails = { \"docs.raed\" = \"open\" }", "did you mean `docs.read`?"),
    ] {
        let (found, _) = refused(&one(rest));
        assert!(found.contains(message), "{rest}: {found}");
    }
    for text in ["case = 1", "world = 1", "[world]\nUser = 1", "now = ["] {
        refused(text);
    }
    let deep = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    CaseFile::read(&desk(READ), "deep.toml", &deep).expect_err("a deep file is refused");
}

#[test]
fn an_entity_can_be_absent_on_purpose() {
    let ward = desk(READ);
    let text = format!("{WORLD}{}", case("nobody unknown", "cy", "deny", "absent = [\"User.cy\"]"));
    assert!(read(&ward, &text).run(&ward).unwrap().is_empty());
}

#[test]
fn a_list_of_actions_makes_a_case_of_each() {
    let ward = desk(READ);
    let text = complete().replacen("action = \"read\"", "action = [\"read\", \"write\"]", 1);
    let file = read(&ward, &text);
    assert_eq!(file.cases.len(), 5);
    assert_eq!(file.cases[1].name, "the lead reads it [write]");
    let mismatches = file.run(&ward).unwrap();
    assert_eq!(mismatches.len(), 1);
    assert_eq!(mismatches[0].difference, "expected allow, got deny");
}

#[test]
fn a_case_tells_how_it_came_out_otherwise() {
    let ward = desk(READ);
    for (rest, difference) in [
        ("policies = [\"docs.read\"]", "expected policies `docs.read` to decide, got none"),
        ("rules = [\"R1\"]", "expected rules `R1` to decide, got none"),
        ("fails = { \"docs.read\" = \"open\" }", "and it fails at `the lead of its team`"),
        ("fails = { \"docs.read\" = 'resource.kind == \"open\"' }", "and it fails at"),
    ] {
        let file = read(&ward, &format!("{WORLD}{}", case("x", "bo", "deny", rest)));
        let [mismatch] = &file.run(&ward).unwrap()[..] else { panic!("{rest} came out as expected") };
        assert!(mismatch.difference.contains(difference), "{}", mismatch.difference);
        assert!(mismatch.explanation.contains("the lead of its team"), "{}", mismatch.explanation);
        assert!(file.text[mismatch.span.range()].starts_with("[[case]]"));
    }
    let rest = "fails = { \"docs.read\" = 'principal has lead' }";
    let file = read(&ward, &format!("{WORLD}{}", case("by its text", "bo", "deny", rest)));
    assert!(file.run(&ward).unwrap().is_empty());
}

#[test]
fn json_holds_one_case() {
    let ward = desk(READ);
    let entities = r#"[
      {"uid": {"type": "Team", "id": "a"}, "attrs": {}, "parents": []},
      {"uid": {"type": "User", "id": "ana"}, "parents": [],
       "attrs": {"active": true, "lead": {"type": "Team", "id": "a"}}},
      {"uid": {"type": "Doc", "id": "plan"}, "parents": [],
       "attrs": {"owner": {"type": "User", "id": "ana"}, "team": {"type": "Team", "id": "a"}, "kind": "open"}}]"#;
    let request = r#"{"principal": "User::\"ana\"", "action": "read", "resource": "Doc::\"plan\""}"#;
    let good = format!(r#"{{"request": {request}, "entities": {entities}, "rules": ["R1"]}}"#);
    let read = |expect, text: &str| CaseFile::read_json(&ward, "x.json", "she reads it", expect, text);
    assert!(read(Decision::Allow, &good).unwrap().run(&ward).unwrap().is_empty());
    assert_eq!(read(Decision::Deny, &good).unwrap().run(&ward).unwrap().len(), 1);
    for (was, is, message) in [
        ("\"rules\"", "\"ruls\"", "unknown key `ruls`; did you mean `rules`?"),
        ("R1", "R9", "did you mean `R1`?"),
        ("\\\"ana\\\"", "\\\"anna\\\"", "did you mean `ana`?"),
        ("\"action\": \"read\"", "\"action\": \"raed\"", "did you mean `read`?"),
        ("\"kind\"", "\"knid\"", "knid"),
        ("\"request\"", "\"now\": \"noon\", \"request\"", "`noon` is not an instant"),
        ("\"request\"", "\"now\": \"2026-05-11\", \"request\"", "a date alone is none"),
        ("{\"request\"", "[{\"request\"", "not a case in JSON"),
        ("\"entities\"", "\"now\": null, \"entities\": [], \"entities\"", ""),
    ] {
        let text = good.replacen(was, is, 1);
        if message.is_empty() {
            // Whatever becomes of a repeated key, it does not panic.
            let _ = read(Decision::Allow, &text);
            continue;
        }
        let error = read(Decision::Allow, &text).expect_err(is).to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// The clock of a case is read as that of the command, wherever it stands.
#[test]
fn the_clock_of_a_case_is_an_instant() {
    let ward = &*crate::support::ATTENDANCE;
    let case = |file: &str, own: &str, context: &str| {
        let head = "name = 'a'\nprincipal = 'User.u'\naction = 'viewSummary'\nresource = 'Case.c'\nexpect = 'deny'\n";
        let text = format!("{file}\n[[case]]\n{head}{own}\n{context}\n");
        CaseFile::read(ward, "x.toml", &text).err().map_or_else(String::new, |error| error.to_string())
    };
    for good in
        ["'2026-05-11T09:00:00+12:00'", "2026-05-11T09:00:00+12:00", "'2026-05-11T09:00:00.5+1200'", "1"]
    {
        let now = format!("now = {good}");
        for error in [case(&now, "", ""), case("", &now, ""), case("", "", &format!("context = {{ {now} }}"))]
        {
            assert!(!error.contains("instant"), "{good}: {error}");
        }
    }
    for wrong in ["'2026-05-11'", "2026-05-11", "'noon'", "'2026-05-11T09:00:00'", "2026-05-11T09:00:00"] {
        let now = format!("now = {wrong}");
        for error in [case(&now, "", ""), case("", &now, ""), case("", "", &format!("context = {{ {now} }}"))]
        {
            assert!(
                error.contains("is not an instant in RFC 3339") || error.contains("expected datetime"),
                "{wrong}: {error}"
            );
        }
    }
}

fn coverage(text: &str) -> Coverage {
    let ward = desk(READ);
    ward.coverage(&read(&ward, text).cases).unwrap()
}

#[test]
fn a_condition_is_covered_when_it_decided_both_ways() {
    assert!(coverage(&complete()).is_complete());
    // Each case left out leaves just what it alone showed.
    let all = complete();
    let blocks: Vec<&str> = all.split_inclusive("\n[[case]]").collect();
    assert_eq!(blocks.len(), 5);
    for (left_out, open) in [(2, ("principal has lead", false)), (4, ("resource.kind == \"open\"", false))] {
        let kept: String =
            blocks.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, b)| *b).collect();
        let found = coverage(kept.trim_end_matches("[[case]]"));
        let conditions = &found.policies[0].conditions;
        let missing: Vec<_> = conditions
            .iter()
            .flat_map(|c| [true, false].map(|side| (c.text.as_str(), side, c.side(side).is_covered())))
            .filter(|(_, _, covered)| !covered)
            .map(|(text, side, _)| (text, side))
            .collect();
        assert_eq!(missing, [open], "without case {left_out}");
    }
}

#[test]
fn what_another_condition_hides_decides_nothing() {
    // He leads no team, and the document is shut: neither alone decided.
    let text =
        format!("{WORLD}{}", case("x", "bo", "deny", "change = { \"Doc.plan\" = { kind = \"shut\" } }"));
    let found = coverage(&text);
    let policy = &found.policies[0];
    assert_eq!((policy.asked, policy.held), (1, 0));
    assert_eq!(policy.conditions[0].when_false.seen, 1);
    assert!(policy.conditions.iter().all(|c| c.when_true.decided + c.when_false.decided == 0));
    assert_eq!(found.sides(), (0, 7));
}

#[test]
fn a_claim_is_held_against_the_cases() {
    let claim = |policy: &str, condition: &str, decides: bool| {
        format!(
            "[[unreachable]]\npolicy = \"{policy}\"\ncondition = '{condition}'\ndecides = {decides}\nwhy = \"so\"\n"
        )
    };
    let missing = complete().replace("kind = \"shut\"", "kind = \"open\"").replace(
        "\"nobody reads it shut\"\nprincipal = \"User.ana\"",
        "\"nobody reads it shut\"\nprincipal = \"User.bo\"",
    );
    let mut found = coverage(&missing);
    assert!(!found.is_complete());
    let claims =
        found.excuse("unreachable.toml", &claim("docs.read", "resource.kind == \"open\"", false)).unwrap();
    assert!(found.is_complete());
    // What is to be proved is the policy with the condition put as true.
    let ward = desk(READ);
    let changed = claims[0].changed(&ward);
    assert_eq!(changed.len(), 1);
    assert_eq!(*changed[0].text, READ.replace("resource.kind == \"open\"", "true"));
    let proof = claims[0].prove(&ward, |original, _| Proof::Different(original.name.to_string()));
    assert_eq!(proof, Proof::Different("docs/read.cedar".to_owned()));

    for (claim, message) in [
        (claim("docs.raed", "x", true), "did you mean `docs.read`?"),
        (claim("docs.read", "resource.kind", true), "no condition `resource.kind`"),
        (claim("docs.read", "principal has lead", true), "in case `the lead reads it`"),
        ("[[unreachable]]\npolicy = \"x\"\n".to_owned(), "missing field"),
    ] {
        let error = coverage(&complete()).excuse("unreachable.toml", &claim).expect_err(&claim);
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn a_guard_is_put_as_true_with_what_it_guards_left_open() {
    let ward = desk(READ);
    let mut found = ward.coverage(&[]).unwrap();
    let text = "[[unreachable]]\npolicy = \"docs.read\"\ncondition = 'principal has lead'\ndecides = false\nwhy = 'x'";
    let claims = found.excuse("unreachable.toml", text).unwrap();
    let changed = claims[0].changed(&ward);
    let put = |value: bool| {
        READ.replace(
            "principal has lead && principal.lead == resource.team",
            &format!("true && (if principal has lead then principal.lead == resource.team else {value})"),
        )
    };
    let texts: Vec<&str> = changed.iter().map(|source| source.text.as_ref()).collect();
    assert_eq!(texts, [put(false), put(true)]);
}

fn mutate(policy: &str, cases: &str) -> Mutations {
    let ward = desk(policy);
    ward.mutate(&read(&ward, cases).cases, &Drawing::default()).unwrap()
}

#[test]
fn every_kind_of_change_is_made() {
    let mutations = mutate(READ, &complete());
    let kinds: BTreeSet<Kind> = mutations.all.iter().map(|m| m.mutant.kind).collect();
    let all = [
        Kind::Effect,
        Kind::Scope,
        Kind::Clause,
        Kind::Condition,
        Kind::Guard,
        Kind::Operator,
        Kind::Constant,
        Kind::Attribute,
    ];
    assert_eq!(kinds, BTreeSet::from(all));
    let texts: Vec<&str> = mutations.all.iter().map(|m| m.mutant.changed.text.as_ref()).collect();
    for (was, is) in [
        ("permit", "forbid"),
        ("action == Action::\"read\"", "action"),
        ("action == Action::\"read\"", "action in [Action::\"read\", Action::\"write\"]"),
        ("when { resource.kind", "unless { resource.kind"),
        ("resource.kind == \"open\"", "true"),
        ("lead == resource.team", "lead != resource.team"),
        ("\"open\" }", "\"open~\" }"),
        ("lead && principal.lead", "deputy && principal.deputy"),
    ] {
        let text = READ.replacen(was, is, 1);
        assert!(texts.contains(&text.as_str()), "{was} was not changed to {is}");
    }
    // Nothing comes twice, and what is no policy is not among them.
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len());
    assert!(texts.iter().all(|text| *text != READ && !text.contains("{ true && principal.lead")));
}

#[test]
fn mutants_survive_where_no_case_looks() {
    // Nobody asks to write, so that a policy that lets them is not noticed.
    let survived =
        |mutations: &Mutations| -> Vec<Kind> { mutations.survivors().map(|m| m.mutant.kind).collect() };
    assert_eq!(survived(&mutate(READ, &complete())), [Kind::Scope, Kind::Scope]);
    let write = complete() + &case("nobody writes", "ana", "deny", "").replace("\"read\"", "\"write\"");
    assert_eq!(survived(&mutate(READ, &write)), []);

    let mut mutations = mutate(READ, &complete());
    let ward = desk(READ);
    mutations.prove(&ward, |_, _| Proof::Unknown("too hard".to_owned()));
    assert_eq!(survived(&mutations).len(), 2, "what the solver cannot tell counts as survived");
    mutations.prove(&ward, |original, changed| {
        assert_eq!(&*original.text, READ);
        assert!(changed.text.contains("action"));
        Proof::Equivalent
    });
    assert_eq!((survived(&mutations).len(), mutations.equivalent()), (0, 2));
}

#[test]
fn a_policy_that_another_stands_in_for_is_noticed_by_who_decides() {
    let schema = Source::new("schema.cedarschema", SCHEMA);
    let other = READ.replace("docs.read", "docs.also");
    let policies = vec![Source::new("docs/read.cedar", READ), Source::new("docs/also.cedar", other)];
    let ward = Ward::new(&Sources { schema, policies, catalogue: None }).unwrap();
    let named = complete().replace("policies = [\"docs.read\"]", "policies = [\"docs.also\", \"docs.read\"]");
    let drawing = Drawing { policy: Some("docs.read".to_owned()), ..Drawing::default() };
    let fates = |text: &str| ward.mutate(&read(&ward, text).cases, &drawing).unwrap();
    let mutations = fates(&named);
    assert!(mutations.killed_by_reasons() > 0);
    assert!(mutations.all.iter().all(|m| m.mutant.policy.as_ref() == "docs.read"));
    let unnamed = fates(&named.replace("policies = [\"docs.also\", \"docs.read\"]", ""));
    assert_eq!(unnamed.killed_by_reasons(), 0);
    assert!(unnamed.survivors().count() > mutations.survivors().count());
}

#[test]
fn mutants_of_policies_that_fail_their_cases_tell_nothing() {
    let ward = desk(READ);
    let text = complete().replacen("\"allow\"", "\"deny\"", 1).replacen("policies = [\"docs.read\"]", "", 1);
    let error = ward.mutate(&read(&ward, &text).cases, &Drawing::default()).expect_err("a case fails");
    assert!(error.is_data() && error.to_string().contains("the lead reads it"), "{error}");
}

#[test]
fn a_bounded_run_draws_by_its_seed() {
    let files = files(&ATTENDANCE);
    let draw = |seed| {
        let drawing =
            Drawing { bounded: Some(40), seed, policy: Some("reports".to_owned()), ..Drawing::default() };
        let run = ATTENDANCE.mutate(files.iter().flat_map(|file| &file.cases), &drawing).unwrap();
        run.all.iter().map(|m| m.mutant.changed.text.clone()).collect::<Vec<_>>()
    };
    // Those that come out as the very same program are taken out after they were drawn.
    assert!((30..=40).contains(&draw(1).len()));
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

/// The text that is shown is the one that was run: policies loaded with it come out as the fate says.
#[test]
fn a_fate_is_what_the_changed_text_decides() {
    let files = files(&ATTENDANCE);
    let drawing = Drawing { bounded: Some(24), seed: 7, ..Drawing::default() };
    let run = ATTENDANCE.mutate(files.iter().flat_map(|file| &file.cases), &drawing).unwrap();
    for mutation in &run.all {
        let mut sources = Sources::attendance();
        let changed = &mutation.mutant.changed;
        sources.policies.iter_mut().filter(|s| s.name == changed.name).for_each(|s| *s = changed.clone());
        let ward = Ward::new(&sources).unwrap();
        let fails = |case: &&caseward::author::Case| {
            let answer = ward.check(&case.world, &case.request).unwrap();
            let deciding: BTreeSet<String> = answer.policies.iter().map(ToString::to_string).collect();
            let named = case.policies.as_ref().is_some_and(|expected| *expected != deciding);
            answer.decision != case.expect || named
        };
        let mut cases = files.iter().flat_map(|file| &file.cases);
        match &mutation.fate {
            Fate::Killed { by, .. } => {
                let case = cases.find(|case| case.name == *by).unwrap();
                assert!(fails(&case), "{by} does not notice:\n{}", changed.text);
            }
            Fate::Survived { .. } => {
                let noticed = cases.find(fails);
                assert!(noticed.is_none(), "{} notices:\n{}", noticed.unwrap().name, changed.text);
            }
            Fate::Equivalent => unreachable!("nothing was proved"),
        }
    }
}

#[test]
fn our_cases_cover_every_condition() {
    let files = files(&ATTENDANCE);
    let mut coverage = ATTENDANCE.coverage(files.iter().flat_map(|file| &file.cases)).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/tests/unreachable.toml");
    let claims = coverage.excuse("unreachable.toml", &std::fs::read_to_string(path).unwrap()).unwrap();
    for policy in &coverage.policies {
        for condition in &policy.conditions {
            for side in [true, false] {
                let covered = condition.side(side).is_covered();
                assert!(covered, "{}: `{}` never decides by being {side}", policy.policy.id, condition.text);
            }
        }
    }
    assert!(coverage.is_complete());
    for claim in claims {
        assert!(!claim.changed(&ATTENDANCE).is_empty(), "{claim:?} cannot be put to a solver");
    }
}

#[test]
fn every_condition_of_ours_has_a_mutant() {
    let nothing: [caseward::author::Case; 0] = [];
    let run = ATTENDANCE.mutate(&nothing, &Drawing::default()).unwrap();
    let coverage = ATTENDANCE.coverage(&nothing).unwrap();
    for policy in &coverage.policies {
        for condition in &policy.conditions {
            let changed = run.all.iter().any(|mutation| {
                let mutant = &mutation.mutant;
                matches!(mutant.kind, Kind::Condition | Kind::Guard)
                    && (&mutant.policy, &mutant.span) == (&policy.policy.id, &condition.span)
            });
            assert!(changed, "{}: `{}` has no mutant", policy.policy.id, condition.text);
        }
    }
}

#[test]
fn a_mistyped_attribute_after_has_is_told() {
    let ward =
        desk(&READ.replace("principal has lead && principal.lead == resource.team", "principal has laed"));
    let [problem] = &ward.advice()[..] else { panic!("{:?}", ward.advice()) };
    assert!(
        problem.message.contains("`User` never has an attribute `laed`; did you mean `lead`?"),
        "{problem}"
    );
    assert!(desk(READ).advice().is_empty());
    assert_eq!(ATTENDANCE.advice(), []);
}

/// Whatever somebody may do who has one role and no other stands in what is said of the role, whatever the data.
#[test]
fn a_role_may_what_it_is_said_to() {
    use caseward::testing::{Choices, Facts, bytes};
    use caseward::{EntityUid, Request, Type, Value};

    let (mut allowed, mut opened) = (0, BTreeSet::new());
    for name in ATTENDANCE.roles() {
        let role = ATTENDANCE.role(&name).unwrap();
        for seed in 0..12 {
            let drawn = bytes(seed, 6_000);
            let mut choices = Choices::new(&drawn);
            let mut facts = Facts::sized(&ATTENDANCE, &mut choices, 1, 3);
            let person = EntityUid::new("User", "0");
            let user = ATTENDANCE.schema().entity_type(ATTENDANCE.schema().type_id("User").unwrap()).unwrap();
            for (attribute, of) in &user.attributes {
                if let Type::Set(element) = &of.ty {
                    let Type::Entity(of) = **element else { continue };
                    let has_it = *attribute == role.attribute;
                    let at = match &role.element {
                        Some(element) => vec![Value::Entity(element.clone())],
                        None => facts.of_type(of).into_iter().map(Value::Entity).collect(),
                    };
                    facts.set(&person, attribute, Value::set(if has_it { at } else { Vec::new() }));
                }
            }
            facts.set(&person, "loginActive", true.into());
            facts.set(&person, "providerAccessFrom", Value::Datetime(0));
            let Ok(world) = facts.build() else { continue };
            for action in ATTENDANCE.schema().actions() {
                let context = facts.record(&ATTENDANCE, &mut choices, &action.context);
                for resource in action.resources.iter().flat_map(|ty| facts.of_type(*ty)) {
                    let request =
                        Request::new(person.clone(), ActionName::new(action.uid.id()), resource.clone())
                            .in_context(context.clone());
                    let answer = ATTENDANCE.check(&world, &request).unwrap();
                    if !answer.is_allowed() {
                        continue;
                    }
                    allowed += 1;
                    for policy in &answer.policies {
                        let is_said = role.may.iter().any(|rule| {
                            rule.policy.id == *policy
                                && rule.resource.as_ref() == resource.type_name()
                                && rule.actions.iter().any(|known| known.as_ref() == action.uid.id())
                        });
                        assert!(is_said, "{name}: {} by {policy}", request.action);
                    }
                    opened.insert(name.clone());
                }
            }
        }
    }
    assert!(allowed > 300 && opened.len() > 8, "{allowed} {opened:?}");
    // What a role opens is more than nothing, but for those of which no permit speaks.
    let silent: Vec<String> =
        ATTENDANCE.roles().into_iter().filter(|name| ATTENDANCE.role(name).unwrap().may.is_empty()).collect();
    assert!(silent.iter().all(|name| name == "monitors"), "{silent:?}");
    let error = ATTENDANCE.role("officeSupport").unwrap_err().to_string();
    assert!(error.contains("there is no role `officeSupport`"), "{error}");
}

#[test]
fn all_that_a_catalogue_says_can_be_compared() {
    let text = caseward_policies::CATALOGUE;
    let names = |text: &str| {
        let sources = Sources { catalogue: Some(Source::new("fields.toml", text)), ..Sources::attendance() };
        let ward = Ward::new(&sources).unwrap();
        let entries = ward.catalogue_entries().into_iter();
        entries.map(|one| (format!("{}.{}", one.type_name, one.entry), one.says)).collect::<BTreeSet<_>>()
    };
    let now = names(text);
    // Who sets a fact, and what published tables are grouped by, are protections as sections are.
    let edits = [
        ("\nenrolledAt = \"", "\nenrolledAt = \"anybody; "),
        ("anonymised = [", "anonymised = [\"student\","),
    ];
    for (from, to) in edits {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        let changed = names(&text.replace(from, to));
        assert_eq!(now.symmetric_difference(&changed).count(), 2, "{from}");
    }
}
