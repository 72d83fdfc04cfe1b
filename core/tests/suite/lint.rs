//! Annotations that are known, claims as they are meant, and lints.

use caseward::author::{Finding, Known, Level, Levels, Lint, Page, Subject};
use caseward::claims::{Becomes, Form, Invariant};
use caseward::{Error, Severity, Source, Sources, Ward};

const SCHEMA: &str = "entity Team;
entity User = {
  teams: Set<Team>,
  active: Bool,
};
entity Doc = {
  // \"open\" or \"shut\"
  @section(\"doc\")
  status: String,
  @section(\"doc\")
  team: Team,
};
entity Note = {
  @section(\"doc\")
  doc: Doc,
};
action view, edit appliesTo { principal: User, resource: Doc, context: { now: datetime } };
action read appliesTo { principal: User, resource: [Note, Doc], context: { now: datetime } };
";

const CATALOGUE: &str = "[Doc.sections]\ndoc = \"view\"\n[Note.sections]\ndoc = \"read\"\n";

fn sources(policies: &[(&str, &str)]) -> Sources {
    Sources {
        schema: Source::new("schema.cedarschema", SCHEMA),
        policies: policies.iter().map(|(name, text)| Source::new(*name, *text)).collect(),
        catalogue: None,
    }
}

fn load(policies: &[(&str, &str)]) -> Result<Ward, Error> {
    Ward::new(&sources(policies))
}

/// Every lint, as an error.
fn strict() -> Levels {
    Levels::default().with("all", Level::Deny).unwrap()
}

fn lint(sources: &Sources) -> Vec<Finding> {
    Subject::new(&Ward::new(sources).unwrap(), sources).lint(&strict())
}

/// What one lint finds: the texts at the places, and the messages.
#[track_caller]
fn found(lint: Lint, policies: &[(&str, &str)]) -> Vec<(String, String)> {
    let sources = sources(policies);
    let found = self::lint(&sources);
    let own = found.iter().filter(|finding| finding.lint == lint);
    own.map(|Finding { problem, .. }| {
        assert_eq!(problem.severity, Severity::Error);
        assert!(problem.help.is_some(), "{problem}");
        let texts = sources.policies.iter().chain([&sources.schema]);
        let mut text =
            texts.filter(|source| *source.name == *problem.source).map(|source| source.text.clone());
        let at = text.next_back().and_then(|text| Some(text.get(problem.span?.range())?.to_owned()));
        (at.unwrap_or_default(), problem.message.clone())
    })
    .collect()
}

/// A policy of the file `docs/NAME.cedar`.
fn policy(name: &str, annotations: &str, rest: &str) -> (String, String) {
    (format!("docs/{name}.cedar"), format!("@id(\"docs.{name}\")\n{annotations}\n{rest}"))
}

#[track_caller]
fn refused(name: &str, text: &str, message: &str, help: &str, at: &str) {
    let error = load(&[(name, text)]).expect_err(text);
    let problem = &error.problems()[0];
    assert!(problem.message.contains(message), "{problem}");
    assert!(problem.help.as_deref().unwrap_or_default().contains(help), "{problem}");
    assert_eq!(problem.span.map(|span| &text[span.range()]), Some(at), "{problem}");
}

#[test]
fn annotations_that_are_not_known_are_refused_at_their_place() {
    let permit =
        |annotation: &str| format!("@id(\"docs.a\")\n{annotation}\npermit (principal, action, resource);");
    for (typed, message, help) in [
        ("@rul(\"S1\")", "`@rul` is no annotation of a policy", "did you mean `@rule`?"),
        ("@Decision(\"D1\")", "`@Decision`", "did you mean `@decision`?"),
        ("@change(\"User.active shrinks\")", "`@change`", "it is one of an invariant"),
        ("@owner(\"team\")", "`@owner`", "annotations of one's own begin with `x_`"),
        ("@x(\"y\")", "`@x`", "`x_`"),
        ("@x_", "`@x_`", "`x_`"),
        ("@rule", "`@rule` says nothing", ""),
        ("@description(\"  \")", "`@description` says nothing", ""),
        ("@rule(\"S1, S2\")", "names one rule", "a file for each rule"),
    ] {
        refused("docs/a.cedar", &permit(typed), message, help, typed);
    }
    for fine in
        ["@x_owner(\"team\")", "@x_", "@x_reviewed", "@rule(\"S1\") @gate(\"G2\") @source(\"GA, PS\")"]
    {
        let loaded = load(&[("docs/a.cedar", &permit(fine))]);
        assert_eq!(loaded.is_ok(), fine != "@x_", "{fine}");
    }
    // All of them at once, in the order of the text.
    let error = load(&[("docs/a.cedar", &permit("@zz(\"1\")\n@aa(\"2\")"))]).unwrap_err();
    assert!(error.problems()[0].message.contains("@zz") && error.problems()[1].message.contains("@aa"));
}

#[test]
fn what_is_no_claim_is_refused_as_an_invariant() {
    let head = "@id(\"invariants.a\")";
    let said = "@invariant(\"1\") @description(\"Never.\")";
    let name = "invariants/a.cedar";
    let forbid = "forbid (principal, action, resource);";
    for (annotations, message, help, at) in [
        ("@chnage(\"User.active shrinks\")", "`@chnage` is no annotation of an invariant", "`@change`", ""),
        ("@rule(\"S1\")", "`@rule` is no annotation of an invariant", "it is one of a policy", ""),
        ("@change(\"User.active shrnks\")", "`User.active shrnks` is no change", "", ""),
        ("@change(\"User.activ shrinks\")", "did you mean `User.active`?", "", ""),
        ("@change(\"Doc.status shrinks\")", "no such attribute that can change so", "", ""),
        ("@implies(\"viewe\")", "no action `viewe`; did you mean `view`?", "", ""),
        ("@of(\"resource.doc\")", "`@of` says of what `@implies` speaks", "", ""),
        ("@implies(\"view\") @of(\"principal\")", "does not start from `resource`", "", "@of(\"principal\")"),
        ("@implies(\"view\") @of(\"resource.dok\")", "did you mean `doc`?", "", "@of(\"resource.dok\")"),
    ] {
        let at = if at.is_empty() { annotations } else { at };
        refused(name, &format!("{head} {said} {annotations}\n{forbid}"), message, help, at);
    }
    let permit = format!("{head} {said}\npermit (principal, action, resource);");
    refused(name, &permit, "written as a `forbid`, not as a `permit`", "", &permit);
    for missing in ["@invariant(\"1\")", "@description(\"Never.\")"] {
        let text = format!("{head} {missing}\n{forbid}");
        refused(name, &text, "it has no `@", "", &text);
    }
    let text = format!("{head} {said} @change(\"User.teams shrinks, User.active = false\")\n{forbid}");
    let ward = load(&[(name, &text)]).unwrap();
    let read = Invariant::read(&ward.policies()[0], ward.schema()).unwrap();
    let Form::Change(steps, None) = read.form else { panic!("{read:?}") };
    assert_eq!((steps.len(), &steps[1].becomes), (2, &Becomes::Truth(false)));
    let both = format!("{head} {said} @implies(\"view\") @change(\"User.active shrinks\")\n{forbid}");
    let ward = load(&[(name, &both)]).unwrap();
    let read = Invariant::read(&ward.policies()[0], ward.schema()).unwrap();
    assert!(matches!(read.form, Form::Change(_, Some(_))), "{read:?}");
    // The same text is a policy in any other folder, with the annotations of policies.
    load(&[("docs/a.cedar", "@id(\"docs.a\") permit (principal, action, resource);")]).unwrap();
}

#[test]
fn our_policies_are_clean() {
    let (sources, claims) = (Sources::attendance(), Sources::attendance_invariants());
    let claims = [Ward::new(&claims).unwrap(), Ward::new(&Sources::attendance_guarantees()).unwrap()];
    let ward = Ward::new(&sources).unwrap();
    let known = Known::attendance().unwrap();
    let found = Subject::new(&ward, &sources).claims(&claims).known(&known).lint(&strict());
    assert_eq!(found, []);
}

#[test]
fn one_name_has_one_text() {
    let (a, b) = (
        policy(
            "a",
            "",
            "permit (principal, action, resource is Doc)\n// open\nwhen { resource.status == \"open\" };",
        ),
        policy(
            "b",
            "",
            "permit (principal, action, resource is Doc)\n// of the team\nwhen { principal.teams.contains(resource.team) }\n// open\nwhen { resource.status != \"shut\" };",
        ),
    );
    // What `resource.doc` is to a note, `resource` is to the document; and layout is no text.
    let note = policy(
        "note",
        "",
        "permit (principal, action, resource is Note)\n// open\nwhen {\n  resource.doc.status ==\n  \"open\" };",
    );
    // Nor does it matter which side of the condition the policy means.
    let shut = policy(
        "shut",
        "",
        "forbid (principal, action, resource is Doc)\n// open\nunless { resource.status == \"open\" };",
    );
    let all = [&a, &b, &note, &shut].map(|(name, text)| (name.as_str(), text.as_str()));
    let found = found(Lint::ConditionName, &all);
    assert_eq!(
        found,
        [(
            "when { resource.status != \"shut\" }".to_owned(),
            "the condition `open` has another text than in `docs.a` and 2 more".to_owned()
        )]
    );
    assert_eq!(self::found(Lint::ConditionName, &all[..1]), []);
    let nameless = "@id(\"docs.c\")\npermit (principal, action, resource)\nwhen { principal.active };";
    let found = self::found(Lint::ConditionWithoutName, &[("docs/c.cedar", nameless), all[0]]);
    assert_eq!(found[0].0, "when { principal.active }");
    assert_eq!(found.len(), 1);
}

#[test]
fn a_text_that_stands_nowhere_else_is_told_with_the_one_that_was_meant() {
    let compared = |text: &str| {
        let (name, text) = policy(
            "a",
            "",
            &format!(
                "permit (principal, action, resource is Doc)\n// open\nwhen {{ resource.status == \"{text}\" }};"
            ),
        );
        found(Lint::LonelyText, &[(name.as_str(), text.as_str())])
    };
    // The schema's comment says which values there are.
    assert_eq!(compared("open"), []);
    let [(at, message)] = compared("opn").try_into().unwrap();
    assert_eq!(at, "\"opn\"");
    assert!(message.contains("here and nowhere else; did you mean `\"open\"`?"), "{message}");
    let [(_, message)] = compared("archived").try_into().unwrap();
    assert!(!message.contains("did you mean"), "{message}");
    // Twice is no mistake of the finger.
    let twice = "@id(\"docs.a\")\npermit (principal, action, resource is Doc)\n// old\nwhen { resource.status == \"archived\" || [\"archived\", \"open\"].contains(resource.status) };";
    assert_eq!(found(Lint::LonelyText, &[("docs/a.cedar", twice)]), []);
}

#[test]
fn a_permit_that_asks_nothing_is_told() {
    let told = |head: &str, rest: &str| {
        let (name, text) = policy("a", "", &format!("{head} {rest};"));
        found(Lint::UnconditionalPermit, &[(name.as_str(), text.as_str())]).len()
    };
    for (head, rest) in [
        ("permit (principal, action, resource)", ""),
        ("permit (principal is User, action == Action::\"view\", resource is Doc)", ""),
        ("permit (principal, action, resource)", "when { true }"),
        ("permit (principal, action, resource)", "unless { 1 == 2 }"),
        ("permit (principal, action, resource)", "when { resource is Note || resource.status == \"open\" }"),
    ] {
        assert_eq!(told(head, rest), 1, "{head} {rest}");
    }
    // What is so of everybody, however it is written.
    for always in [
        "principal.active || !principal.active",
        "!principal.active || principal.active",
        "principal == User::\"a\" || principal != User::\"a\"",
        "context has now",
        "context.now >= context.now",
        "context.now <= context.now",
        "!(context.now < context.now)",
        "[principal].contains(principal)",
        "[principal, User::\"a\"].containsAll([principal, User::\"a\"])",
        "principal in principal",
        "principal has active",
    ] {
        assert_eq!(
            told("permit (principal, action, resource)", &format!("when {{ {always} }}")),
            1,
            "{always}"
        );
    }
    let head = "permit (principal, action == Action::\"view\", resource is Doc)";
    for always in ["resource.status like \"*\"", "resource.status like \"**\"", "\"a\" like \"*\""] {
        assert_eq!(told(head, &format!("when {{ {always} }}")), 1, "{always}");
    }
    for sometimes in
        ["resource.status like \"*a\"", "resource.status like \"\"", "principal.active && !principal.active"]
    {
        assert_eq!(told(head, &format!("when {{ {sometimes} }}")), 0, "{sometimes}");
    }
    for (head, rest) in [
        ("forbid (principal, action, resource)", ""),
        ("permit (principal == User::\"root\", action, resource)", ""),
        ("permit (principal, action, resource == Doc::\"public\")", ""),
        ("permit (principal, action, resource)", "when { principal.active }"),
        ("permit (principal, action, resource)", "when { context.now > datetime(\"2026-01-01T00:00:00Z\") }"),
    ] {
        assert_eq!(told(head, rest), 0, "{head} {rest}");
    }
    let allowed = "@id(\"docs.a\") @allow(\"date-without-time, unconditional-permit\")\npermit (principal, action, resource);";
    assert_eq!(found(Lint::UnconditionalPermit, &[("docs/a.cedar", allowed)]), []);
    let other = "@id(\"docs.a\") @allow(\"lonely-txt\")\npermit (principal, action, resource);";
    assert_eq!(found(Lint::UnconditionalPermit, &[("docs/a.cedar", other)]).len(), 1);
    let [(at, message)] = found(Lint::UnknownName, &[("docs/a.cedar", other)]).try_into().unwrap();
    assert_eq!(at, "@allow(\"lonely-txt\")");
    assert!(message.contains("did you mean `lonely-text`?"), "{message}");
}

#[test]
fn an_action_in_a_list_that_cannot_apply_is_told() {
    let (name, text) = policy(
        "a",
        "",
        "permit (principal, action in [Action::\"view\", Action::\"read\", Action::\"edit\"], resource is Note)\n// active\nwhen { principal.active };",
    );
    let found = found(Lint::ActionNeverApplies, &[(name.as_str(), text.as_str())]);
    let places: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(places, ["\"view\"", "\"edit\""]);
    assert!(found[0].1.contains("`docs.a` never applies to the action `view`"), "{found:?}");
    let (name, text) = policy(
        "b",
        "",
        "permit (principal, action in [Action::\"view\", Action::\"read\"], resource)\n// active\nwhen { principal.active };",
    );
    assert_eq!(self::found(Lint::ActionNeverApplies, &[(name.as_str(), text.as_str())]), []);
}

#[test]
fn a_date_without_a_time_is_told_wherever_it_stands() {
    let (name, text) = policy(
        "a",
        "",
        "permit (principal, action, resource)\n// begun\nwhen { context.now >= datetime(\"2026-02-28\") && [context.now].contains(datetime(\"2026-03-01\").offset(duration(\"1d\"))) }\n// not over\nwhen { context.now < datetime(\"2026-12-31T00:00:00+1300\") };",
    );
    let found = found(Lint::DateWithoutTime, &[(name.as_str(), text.as_str())]);
    let places: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(places, ["datetime(\"2026-02-28\")", "datetime(\"2026-03-01\")"]);
    let claim = "@id(\"invariants.a\") @invariant(\"1\") @description(\"Never.\")\nforbid (principal, action, resource)\nwhen { context.now < datetime(\"2026-02-28\") };";
    let (sources, claims) = (sources(&[]), sources(&[("invariants/a.cedar", claim)]));
    let (ward, claims) = (Ward::new(&sources).unwrap(), [Ward::new(&claims).unwrap()]);
    let found = Subject::new(&ward, &sources).claims(&claims).lint(&Levels::default());
    assert_eq!(
        found.iter().map(|f| (f.lint, f.problem.severity)).collect::<Vec<_>>(),
        [(Lint::DateWithoutTime, Severity::Warning)]
    );
}

#[test]
fn what_no_view_shows_is_told_at_its_place() {
    let mut sources = sources(&[]);
    assert_eq!(lint(&sources), []);
    let shown = CATALOGUE.replace("[Note.sections]\ndoc = \"read\"\n", "");
    sources.catalogue = Some(Source::new("fields.toml", shown));
    sources.schema =
        Source::new("schema.cedarschema", SCHEMA.replace("@section(\"doc\")\n  doc: Doc", "doc: Doc"));
    let found = lint(&sources);
    let told: Vec<(Lint, usize)> = found.iter().map(|f| (f.lint, f.problem.span.unwrap().start)).collect();
    let at = |text: &str| sources.schema.text.find(text).unwrap();
    assert_eq!(
        told,
        [
            (Lint::AttributeWithoutSection, at("teams: Set")),
            (Lint::AttributeWithoutSection, at("active: Bool")),
            (Lint::TypeWithoutEntry, at("Note = {")),
            (Lint::AttributeWithoutSection, at("doc: Doc")),
        ]
    );
}

#[test]
fn conditions_that_changed_under_one_description_are_told() {
    let say = |description: &str, condition: &str| {
        let annotations = format!("@description(\"{description}\")");
        let rest = format!("permit (principal, action, resource)\n// asks\nwhen {{ {condition} }};");
        let (name, text) = policy("a", &annotations, &rest);
        sources(&[(name.as_str(), text.as_str())])
    };
    let before = say("Active people.", "principal.active");
    let told = |now: &Sources| {
        let ward = Ward::new(now).unwrap();
        let found = Subject::new(&ward, now).base(&before).lint(&Levels::default());
        found.iter().map(|finding| finding.lint).collect::<Vec<_>>()
    };
    assert_eq!(told(&say("Active people.", "!principal.active")), [Lint::StaleDescription]);
    assert_eq!(told(&say("All but active people.", "!principal.active")), []);
    assert_eq!(told(&say("Active people.", "principal\n  .active // as before\n")), []);
    assert_eq!(told(&before), []);
}

/// What a claim says is told as proved: its description goes with what it claims.
#[test]
fn claims_that_changed_under_one_description_are_told() {
    let policies = sources(&[]);
    let ward = Ward::new(&policies).unwrap();
    let claim = |name: &str, said: &str, more: &str, condition: &str| {
        let (kind, effect) = name.split_once('/').map_or(("", ""), |(folder, _)| match folder {
            "invariants" => ("@invariant(\"1\")", "forbid"),
            _ => ("@guarantee(\"1\")", "permit"),
        });
        let id = name.replace('/', ".");
        let text = format!(
            "@id(\"{id}\") {kind} @description(\"{said}\") {more}\n{effect} (principal, action, resource)\n// asks\nwhen {{ {condition} }};"
        );
        sources(&[(format!("{name}.cedar").as_str(), text.as_str())])
    };
    for name in ["invariants/a", "guarantees/a"] {
        let before = [claim(name, "So it is.", "", "principal.active")];
        let told = |now: Sources| {
            let claims = [Ward::new(&now).unwrap()];
            let subject = Subject::new(&ward, &policies).claims(&claims).base_claims(&before);
            subject.lint(&Levels::default()).iter().map(|finding| finding.lint).collect::<Vec<_>>()
        };
        assert_eq!(told(claim(name, "So it is.", "", "!principal.active")), [Lint::StaleDescription]);
        assert_eq!(told(claim(name, "Otherwise.", "", "!principal.active")), []);
        assert_eq!(told(claim(name, "So it is.", "@decision(\"D1\")", "principal.active")), []);
    }
    // What an invariant says of a change is claimed as its conditions are.
    let before = [claim("invariants/a", "So it is.", "", "principal.active")];
    let now = claim("invariants/a", "So it is.", "@implies(\"view\")", "principal.active");
    let claims = [Ward::new(&now).unwrap()];
    let found = Subject::new(&ward, &policies).claims(&claims).base_claims(&before).lint(&Levels::default());
    assert_eq!(found.iter().map(|finding| finding.lint).collect::<Vec<_>>(), [Lint::StaleDescription]);
}

/// One name has one text among claims as among policies: within invariants, within guarantees and between them.
#[test]
fn one_name_has_one_text_among_claims() {
    let policies = sources(&[]);
    let ward = Ward::new(&policies).unwrap();
    let claim = |name: &str, condition: &str| {
        let (kind, effect) = match name.starts_with("invariants") {
            true => ("@invariant(\"1\")", "forbid"),
            false => ("@guarantee(\"1\")", "permit"),
        };
        let id = name.replace('/', ".");
        let text = format!(
            "@id(\"{id}\") {kind} @description(\"So it is.\")\n{effect} (principal, action, resource)\n// open\nwhen {{ {condition} }};"
        );
        Ward::new(&sources(&[(format!("{name}.cedar").as_str(), text.as_str())])).unwrap()
    };
    for (one, other) in
        [("invariants/a", "invariants/b"), ("guarantees/a", "guarantees/b"), ("invariants/a", "guarantees/b")]
    {
        let told = |second: &str| {
            let claims = [claim(one, "principal.active"), claim(other, second)];
            let found = Subject::new(&ward, &policies).claims(&claims).lint(&Levels::default());
            found.iter().map(|finding| finding.lint).collect::<Vec<_>>()
        };
        assert_eq!(told("!principal.active"), [Lint::ConditionName], "{one} and {other}");
        assert_eq!(told("principal.active"), [], "{one} and {other}");
    }
}

#[test]
fn names_that_are_not_known_and_files_that_are_called_otherwise_are_told() {
    let known = Source::new(
        "annotations.toml",
        "[gate]\nG2 = \"Trained.\"\n[decision.D6]\nquestion = \"And what is sensitive?\"\nreading = \"Withheld.\"\n[x_owner]\nana = \"Ana\"",
    );
    let known = Known::read(&known).unwrap();
    let text = "@id(\"docs.S1-own\")\n@rule(\"S2\")\n@gate(\"G3\")\n@decision(\"D6, D61\")\n@source(\"anything\")\n@x_owner(\"anna\")\npermit (principal, action, resource)\n// active\nwhen { principal.active };";
    let sources = sources(&[("docs/S1-own.cedar", text)]);
    let ward = Ward::new(&sources).unwrap();
    let found = Subject::new(&ward, &sources).known(&known).lint(&Levels::default());
    let told: Vec<(&str, &str)> =
        found.iter().map(|f| (&text[f.problem.span.unwrap().range()], f.lint.name())).collect();
    assert_eq!(
        told,
        [
            ("@rule(\"S2\")", "rule-file-name"),
            ("@gate(\"G3\")", "unknown-name"),
            ("@decision(\"D6, D61\")", "unknown-name"),
            ("@x_owner(\"anna\")", "unknown-name"),
        ]
    );
    assert!(
        found[2].problem.message.contains("`D61`, which is not known; did you mean `D6`?"),
        "{}",
        found[2].problem
    );
    assert_eq!(found[2].problem.severity, Severity::Error);
}

#[test]
fn a_page_that_is_out_of_date_is_told_at_the_line_that_differs() {
    let page = |kept: &str| Page {
        name: "RULES.md".to_owned(),
        kept: kept.to_owned(),
        made: "a\nb\nc\n".to_owned(),
        command: "caseward docs".to_owned(),
    };
    let sources = sources(&[]);
    let ward = Ward::new(&sources).unwrap();
    let told = |kept: &str| {
        let pages = [page(kept)];
        let found = Subject::new(&ward, &sources).pages(&pages).lint(&strict());
        found.first().map(|finding| finding.problem.span.unwrap().range())
    };
    assert_eq!(told("a\nb\nc\n"), None);
    assert_eq!(told("a\nx\nc\n"), Some(2..3));
    assert_eq!(told("a\n"), Some(2..2));
    assert_eq!(told(""), Some(0..0));
}

#[test]
fn levels_choose_what_is_told() {
    let text = "@id(\"docs.a\")\npermit (principal, action, resource)\nwhen { context.now >= datetime(\"2026-02-28\") };";
    let sources = sources(&[("docs/a.cedar", text)]);
    let ward = Ward::new(&sources).unwrap();
    let told = |levels: Levels| {
        let found = Subject::new(&ward, &sources).lint(&levels);
        found.iter().map(|f| format!("{} {:?}", f.lint.name(), f.problem.severity)).collect::<Vec<_>>()
    };
    assert_eq!(told(Levels::default()), ["date-without-time Warning"]);
    let all = |level| Levels::default().with("all", level).unwrap();
    assert_eq!(told(all(Level::Allow)), Vec::<String>::new());
    assert_eq!(told(all(Level::Deny)), ["condition-without-name Error", "date-without-time Error"]);
    let one = all(Level::Deny).with("date-without-time", Level::Allow).unwrap();
    assert_eq!(told(one), ["condition-without-name Error"]);
}
