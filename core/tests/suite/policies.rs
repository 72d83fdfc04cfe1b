//! The policy files as their authors see them: names, annotations and conditions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use caseward::Sources;

use crate::support::ATTENDANCE;

/// The rules of the decision table, in its order; G2 and G3 are conditions of other rules' policies.
const RULES: &str = "G1 G4 S1 S2 S3 S4 S4b S5 S5b S6 Q1 Q1b Q2 Q2b Q2c Q2d Q3 Q4 Q5 Q5b Q6 Q6b Q6c Q6d Q6e Q7 Q8 Q9 \
    P1 P2 P3 P4 P5 P6 P7 P7b X1 X2 I1 I1b I2 I3 I4 I5 A1 M1 M1b M1c M2 M3 M5 L1 L2 L3 L4 T1 T1b T2 T2b T3 T4 \
    R1 R2 R3 R4 R5 R6 R7 E1 E2 E3 E4 E5 V1 V2 V3";

/// The clauses of a policy: the comment above each, and its text on one line.
fn clauses(text: &str) -> Vec<(String, String)> {
    let mut clauses: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("// "), clauses.last_mut()) {
            (Some(name), _) => clauses.push((name.to_owned(), String::new())),
            (None, Some((_, text))) => {
                text.push(' ');
                text.push_str(line.trim());
            }
            _ => {}
        }
    }
    clauses
}

#[test]
fn what_is_built_in_is_what_the_folder_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let texts = |sources: Sources| -> BTreeMap<String, String> {
        sources.policies.iter().map(|source| (source.name.to_string(), source.text.to_string())).collect()
    };
    let built_in = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
        all.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
    };
    let read = Sources::read_folder(&folder, None).unwrap();
    assert_eq!(read.schema.text.as_ref(), caseward_policies::SCHEMA);
    assert_eq!(texts(read), built_in(caseward_policies::POLICIES));
    let invariants = Sources::read_invariants(&folder, None).unwrap();
    assert_eq!(texts(invariants), built_in(caseward_policies::INVARIANTS));
}

#[test]
fn every_clause_is_named() {
    for (name, text) in caseward_policies::POLICIES {
        let heads = text.lines().filter(|l| l.starts_with("when") || l.starts_with("unless")).count();
        assert_eq!(clauses(text).len(), heads, "{name}");
    }
}

#[test]
fn every_rule_has_its_policies() {
    let expected: BTreeSet<&str> = RULES.split_whitespace().collect();
    let found: BTreeSet<&str> = ATTENDANCE.policies().iter().filter_map(|p| p.rule.as_deref()).collect();
    assert_eq!(found, expected);
    for policy in ATTENDANCE.policies() {
        let rule = policy.rule.as_deref().unwrap();
        let file = policy.id.rsplit('.').next().unwrap();
        assert!(file == rule || file.starts_with(&format!("{rule}-")), "{} writes down {rule}", policy.id);
    }
}

#[test]
fn every_decision_has_its_place() {
    let annotated = ATTENDANCE.policies().iter().filter_map(|p| p.annotations.get("decision"));
    let found: BTreeSet<&str> = annotated.flat_map(|d| d.split(", ")).collect();
    let expected: BTreeSet<String> = (1..=29).map(|n| format!("D{n}")).collect();
    assert_eq!(found, expected.iter().map(String::as_str).collect());
}

#[test]
fn the_gates_are_marked_where_they_stand() {
    for (name, text) in caseward_policies::POLICIES {
        for gate in ["G2", "G3"] {
            let stands = clauses(text).iter().any(|(condition, _)| condition.contains(&format!("({gate})")));
            assert_eq!(text.contains(&format!("@gate(\"{gate}\")")), stands, "{name}: {gate}");
        }
    }
}

#[test]
fn every_provider_role_asks_for_clearing() {
    for (name, text) in caseward_policies::POLICIES {
        let permits = text.contains("\npermit (");
        let role = ["workflowLeadAt", "caseManagerAt", "attendanceOfficerAt"]
            .iter()
            .any(|r| text.contains(&format!("principal.{r}")));
        if permits && role {
            assert!(text.contains("@gate(\"G2\")"), "{name} grants to a provider role");
        }
    }
}
