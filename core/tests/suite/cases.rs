//! The policy cases of `policies/tests/cases`, and what they cover.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use caseward::author::CaseFile;
use caseward::{Decision, Effect, Ward};

pub(crate) fn files(ward: &Ward) -> Vec<CaseFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/tests/cases");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = paths.iter().map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        CaseFile::read(ward, &name, &fs::read_to_string(path).unwrap()).unwrap()
    });
    read.collect()
}

#[test]
fn every_case_comes_out_as_the_rules_say() {
    let ward = Ward::attendance().unwrap();
    let files = files(&ward);
    let mismatches: Vec<String> = files
        .iter()
        .flat_map(|file| file.run(&ward).unwrap())
        .map(|m| format!("{}\n  {}\n  {}", m.case, m.difference, m.explanation.replace('\n', "\n  ")))
        .collect();
    assert!(mismatches.is_empty(), "{} cases:\n{}", mismatches.len(), mismatches.join("\n"));
    let cases: usize = files.iter().map(|f| f.cases.len()).sum();
    assert!(cases >= 300, "only {cases} cases were found");
    println!("{cases} cases in {} files", files.len());
}

#[test]
fn every_policy_decides_a_case() {
    let ward = Ward::attendance().unwrap();
    let mut undecided: BTreeSet<&str> = ward.policies().iter().map(|p| p.id.as_ref()).collect();
    for case in files(&ward).iter().flat_map(|f| &f.cases) {
        let answer = ward.check(&case.world, &case.request).unwrap();
        for id in &answer.policies {
            let effect = ward.policy(id).unwrap().effect;
            let decides = (effect == Effect::Permit) == answer.is_allowed();
            assert!(decides, "{id} cannot decide {}", case.name);
            undecided.remove(id.as_ref());
        }
    }
    assert!(undecided.is_empty(), "policies that decide no case: {undecided:?}");
}

#[test]
fn every_action_on_every_type_is_allowed_and_denied_once() {
    let ward = Ward::attendance().unwrap();
    let mut seen: BTreeMap<(String, String), BTreeSet<Decision>> = BTreeMap::new();
    for action in ward.schema().actions() {
        for &ty in &action.resources {
            let ty = ward.schema().entity_type(ty).unwrap().name.to_string();
            seen.insert((action.uid.id().to_owned(), ty), BTreeSet::new());
        }
    }
    for case in files(&ward).iter().flat_map(|f| &f.cases) {
        let key = (case.request.action.to_string(), case.request.resource.type_name().to_owned());
        seen.get_mut(&key).unwrap().insert(case.expect);
    }
    let lacking: Vec<_> = seen.iter().filter(|(_, decisions)| decisions.len() < 2).collect();
    assert!(lacking.is_empty(), "lacking an allow or a deny: {lacking:?}");
}
