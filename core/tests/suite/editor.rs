//! What editors ask, of the policies that come with the project and of what is left of them while somebody types.

use std::path::Path;
use std::sync::Arc;

use caseward::author::editor::{CompletionKind, Folder};
use caseward::{FilePart, Severity, files};

/// The folder of policies, where it stands beside the crate.
fn ours() -> Option<Folder> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    if !root.join("schema.cedarschema").is_file() {
        println!("SKIPPED: no folder `policies` beside the crate");
        return None;
    }
    let parts = FilePart::all_in(&root).unwrap();
    let texts: Vec<(String, Arc<str>)> = parts
        .into_iter()
        .map(|(_, found)| (found.name, files::read_text(&found.path, 1 << 20).unwrap().into()))
        .collect();
    let mut folder = Folder::default();
    folder.set_all(texts.iter().map(|(name, text)| (name.as_str(), text.clone())));
    Some(folder)
}

/// The places in a file behind each of which `wanted` finds a name in what follows.
fn names<'t>(text: &'t str, before: &str, ends: impl Fn(char) -> bool + Copy) -> Vec<(usize, &'t str)> {
    let code = text.match_indices(before).map(|(at, _)| at + before.len());
    let code = code.filter(|at| {
        let line = &text[text[..*at].rfind('\n').map_or(0, |line| line + 1)..*at];
        !line.contains("//") && !line.starts_with('@')
    });
    code.filter_map(|at| {
        let name = text[at..].split(ends).next()?;
        let is_call = text[at + name.len()..].starts_with('(');
        (!name.is_empty() && !is_call).then_some((at, name))
    })
    .collect()
}

#[test]
fn every_name_in_our_policies_leads_to_where_it_is_defined() {
    let Some(folder) = ours() else { return };
    let word = |c: char| !c.is_alphanumeric() && c != '_';
    let quoted = |c: char| c == '"';
    let mut looked_at = 0;
    let all: Vec<Arc<str>> = folder.names().cloned().collect();
    for file in &all {
        let text = folder.text(file).unwrap().clone();
        let found = match folder.part(file).unwrap() {
            FilePart::Policy | FilePart::Invariant | FilePart::Guarantee | FilePart::Fit => {
                let mut found = names(&text, "Action::\"", quoted);
                for variable in ["principal.", "resource.", "context.", "student.", "case.", " is "] {
                    found.extend(names(&text, variable, word));
                }
                found
            }
            FilePart::Case if file.ends_with(".toml") => {
                let mut found = names(&text, "\naction = \"", quoted);
                found.extend(names(&text, "\npolicies = [\"", quoted));
                found.extend(names(&text, "\nrules = [\"", quoted));
                found.extend(names(&text, "fails = { \"", quoted));
                // Some cases name a person who is not there.
                let people = names(&text, "principal = \"User.", quoted);
                found.extend(
                    people.into_iter().filter(|(_, name)| text.contains(&format!("[world.User.{name}]"))),
                );
                found
            }
            FilePart::Unreachable => names(&text, "\npolicy = \"", quoted),
            _ => Vec::new(),
        };
        for (at, name) in found {
            let places = folder.definition(file, at);
            assert!(!places.is_empty(), "{file}: `{name}` at {at} leads nowhere");
            for place in places {
                let there = &folder.text(&place.file).unwrap()[place.span.clone()];
                assert!(there == name || there == format!("{name:?}"), "{file}: `{name}` leads to `{there}`");
            }
            assert!(folder.hover(file, at).is_some(), "{file}: nothing is known of `{name}` at {at}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 4_000, "{looked_at}");
}

#[test]
fn nothing_is_wrong_with_our_policies() {
    let Some(folder) = ours() else { return };
    let checked = folder.check();
    assert!(checked.is_whole);
    assert_eq!(checked.found, []);
    let cases = folder.check_cases(&checked, &mut || true).unwrap();
    assert_eq!((cases.found.len(), cases.failed), (0, 0));
    assert!(cases.cases > 1_700 && cases.coverage.as_ref().is_some_and(|coverage| coverage.is_complete()));
    let lenses = folder.lenses("items/I3.cedar", cases.coverage.as_ref());
    let [lens] = lenses.as_slice() else { panic!("{lenses:?}") };
    assert!(lens.title().contains(" name it · covered, ") && lens.cases.len() > 1, "{}", lens.title());
    // It is done for nobody.
    assert!(folder.check_cases(&checked, &mut || false).is_err_and(|error| error.is_interrupted()));
}

/// One policy is wrong; what is told of all others is what was told before.
#[test]
fn a_policy_that_is_wrong_hides_nothing_else() {
    let Some(mut folder) = ours() else { return };
    folder.set("items/I3.cedar", "permit (");
    folder
        .set("school/S1.cedar", folder.text("school/S1.cedar").unwrap().replace("viewSummary", "viewSumary"));
    folder.set(
        "fits/contact.cedar",
        folder.text("fits/contact.cedar").unwrap().replace("resource.student", "resource.studnt"),
    );
    folder.set("fields.toml", folder.text("fields.toml").unwrap().replacen("viewSummary", "viewSumary", 1));
    let checked = folder.check();
    let mut wrong: Vec<&str> = checked
        .found
        .iter()
        .filter(|one| one.problem.severity == Severity::Error)
        .map(|one| one.file.as_ref())
        .collect();
    wrong.dedup();
    assert_eq!(
        wrong,
        ["fields.toml", "fits/contact.cedar", "items/I3.cedar", "school/S1.cedar"],
        "{:#?}",
        checked.found
    );
    assert_eq!(
        checked.ward.map(|ward| ward.policies().len()),
        ours().unwrap().check().ward.map(|ward| ward.policies().len() - 2)
    );
    assert!(!checked.is_whole);
}

/// A text is asked about wherever it may be cut off.
#[test]
fn whatever_is_left_of_a_text_is_asked_about() {
    let Some(mut folder) = ours() else { return };
    for file in [
        "items/I3.cedar",
        "invariants/5-item.cedar",
        "tests/unreachable.toml",
        "annotations.toml",
        "schema.cedarschema",
        "fields.toml",
    ] {
        let text = folder.text(file).unwrap().clone();
        for at in (0..text.len()).step_by(text.len() / 20 + 1).filter(|at| text.is_char_boundary(*at)) {
            for left in [text[..at].to_owned(), format!("{}\"", &text[..at]), format!("{}{{[(", &text[..at])]
            {
                folder.set(file, left.as_str());
                folder.complete(file, left.len());
                folder.hover(file, at / 2);
                folder.references(file, at, true);
                let _ = folder.rename(file, at / 2, "x");
                folder.lenses(file, None);
            }
        }
        folder.set(file, text);
    }
    assert!(folder.check().is_whole);
}

#[test]
fn attributes_are_completed_by_every_path_of_our_policies() {
    let Some(mut folder) = ours() else { return };
    for (typed, wanted, detail) in [
        ("resource.case.student.", "enrolledAt", "School (optional)"),
        ("resource.case.student.currentProvider.", "kind", "String"),
        ("(resource.case.", "student", "Student"),
        ("!resource.case.", "student", "Student"),
        ("[resource.case.school, resource.case.", "student", "Student"),
        ("if principal.loginActive then resource.case.", "student", "Student"),
        ("resource[\"case\"].", "student", "Student"),
        ("User::\"a\".", "loginActive", "Bool"),
        ("context.now.offset(duration(\"1d\")).", "durationSince", "(datetime): how much later it is"),
        ("principal.workflowLeadAt.", "contains", "(one): is it among them?"),
        ("resource has case && resource.case.", "student", "Student"),
    ] {
        let head = "@id(\"items.I3\")\npermit (principal, action == Action::\"viewItem\", resource is Item)\n// x: \"\nwhen { ";
        let text = format!("{head}{typed}");
        folder.set("items/I3.cedar", text.as_str());
        let found = folder.complete("items/I3.cedar", text.len());
        let one =
            found.iter().find(|one| one.label == wanted).unwrap_or_else(|| panic!("{typed}: {found:?}"));
        assert_eq!(one.detail.as_deref(), Some(detail), "{typed}");
        assert!(matches!(one.kind, CompletionKind::Attribute | CompletionKind::Call));
    }
}
