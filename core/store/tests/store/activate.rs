//! Other policies: from when they decide, and what stands.

use caseward::{ActionName, EntityUid, Request, Source};
use caseward_store::{Activation, Moment, Outcome, PolicySet};
use serde_json::json;

use crate::bench::Bench;

const DAY: i64 = 86_400_000;

/// Our policies, and one that forbids comments.
fn without_comments() -> PolicySet {
    let mut set = PolicySet::attendance();
    let text = "@id(\"trial.X1\")\n@rule(\"X1\")\n@description(\"No comments for now.\")\n\
                forbid (principal, action == Action::\"addComment\", resource);\n";
    set.sources.policies.push(Source::new("trial/X1.cedar", text));
    set
}

fn comments(bench: &Bench) -> Outcome {
    bench.tries("manager", "addComment", "Case::\"c1\"", json!({"data": {"text": "x"}})).outcome
}

#[test]
fn other_policies_decide_from_when_they_are_in_force() {
    let mut bench = Bench::with_case();
    let before = bench.store().ward().policy_hash().clone();
    assert_eq!(comments(&bench), Outcome::Done);
    let begin = bench.clock() + 10 * DAY;
    let said = Activation::now("the board", "a trial").at(begin);
    let hash = bench.store().activate(&without_comments(), &said).unwrap();
    let first = bench.store().activated().unwrap()[0].clone();
    assert!(hash != first.set && first.policy_hash == *before);
    assert_eq!(comments(&bench), Outcome::Done, "not yet");
    bench.reopen();
    assert_eq!(comments(&bench), Outcome::Done, "not yet, opened again");
    let early = bench.clock();
    bench.tick(begin);
    assert_eq!(comments(&bench), Outcome::Denied);
    assert_ne!(*bench.store().ward().policy_hash(), before);
    bench.reopen();
    assert_eq!(comments(&bench), Outcome::Denied, "opened again");
    // What is in force is not put in force again.
    let (count, events) =
        (bench.store().activated().unwrap().len(), bench.store().verify(Vec::new()).unwrap().entries);
    let again = Activation::now("the board", "again").at(bench.clock() + 60_000);
    assert_eq!(bench.store().activate(&without_comments(), &again).unwrap(), hash);
    assert_eq!(bench.store().activated().unwrap().len(), count);
    assert_eq!(bench.store().verify(Vec::new()).unwrap().entries, events);
    // The past is asked about by the policies of its time, or by today's.
    let may = |moment: Moment| {
        let past = bench.store().past_at(moment, bench.clock()).unwrap();
        let on = EntityUid::new("Case", "c1");
        let request = Request::new(EntityUid::new("User", "manager"), ActionName::new("addComment"), on);
        past.ward.check(&past.world, &request.at(past.now)).unwrap().is_allowed()
    };
    assert!(may(Moment::as_of(early)));
    assert!(!may(Moment::as_of(early).by_todays_policies()));
    assert!(!may(Moment::default()));
    // Every decision comes out as it did, by the policies of its moment.
    let replayed = bench.store().replay(None).unwrap();
    assert_eq!((replayed.differing.as_slice(), replayed.commands), (&[][..], 9));
    let others = bench.store().replay(Some(&without_comments())).unwrap();
    let otherwise: Vec<&str> = others.differing.iter().map(|one| one.command.as_str()).collect();
    assert_eq!(otherwise, ["addComment"; 3]);
    // And back.
    bench.tick(bench.clock() + DAY);
    let back = bench
        .store()
        .activate(&PolicySet::attendance(), &Activation::now("the board", "it is over").at(bench.clock()));
    assert_eq!(back.unwrap(), first.set);
    assert_eq!(comments(&bench), Outcome::Done);
    let again =
        bench.store().roll_back(&hash, &Activation::now("the board", "once more").at(bench.clock())).unwrap();
    assert_eq!((again.as_str(), comments(&bench)), (hash.as_str(), Outcome::Denied));
    let all: Vec<String> = bench.store().activated().unwrap().into_iter().map(|set| set.set).collect();
    assert_eq!(all, [first.set.clone(), hash.clone(), first.set, hash]);
    assert!(bench.store().verify(Vec::new()).unwrap().is_sound());
}

#[test]
fn what_cannot_be_put_in_force_is_refused() {
    let bench = Bench::with_case();
    let refused =
        |set: &PolicySet, said: &Activation| bench.store().activate(set, said).unwrap_err().to_string();
    let ours = PolicySet::attendance();
    assert!(refused(&ours, &Activation::now("", "x")).contains("who approved it"));
    assert!(refused(&ours, &Activation::now("x", " ")).contains("the reason"));
    assert!(refused(&ours, &Activation::now("x", "x").at(0)).contains("what was decided before stands"));
    let mut other = PolicySet::attendance();
    let schema = other.sources.schema.text.replace("nsn: String,", "nsn: String, pounamu?: String,");
    other.sources.schema = Source::new("schema.cedarschema", schema);
    let error = refused(&other, &Activation::now("x", "x"));
    assert!(error.contains("other entity types"), "{error}");
    let mut broken = PolicySet::attendance();
    broken.sources.policies.push(Source::new("x.cedar", "permit (principal, action, resource"));
    assert!(!refused(&broken, &Activation::now("x", "x")).is_empty());
    let mut bare = PolicySet::attendance();
    bare.fits.policies.retain(|source| !source.text.contains("fitsTeam"));
    assert!(refused(&bare, &Activation::now("x", "x")).contains("no policy for `fitsTeam`"));
    let mut bare = PolicySet::attendance();
    bare.sources.catalogue = None;
    assert!(refused(&bare, &Activation::now("x", "x")).contains("no `fields.toml`"));
    let none = bench.store().roll_back("abc", &Activation::now("x", "x")).unwrap_err().to_string();
    assert_eq!(none, "the store never had policies `abc`");
    assert_eq!(bench.store().activated().unwrap().len(), 1);
}

#[test]
fn who_fits_is_put_in_force_too() {
    let bench = Bench::with_case();
    let mut set = PolicySet::attendance();
    // Nobody fits as a case manager.
    for source in &mut set.fits.policies {
        if source.text.contains("fitsCaseManager") {
            *source =
                Source::new(source.name.to_string(), source.text.replace("resource has provider", "false"));
        }
    }
    let named =
        bench.store().activate(&set, &Activation::now("the board", "a trial").at(bench.clock())).unwrap();
    let all = bench.store().activated().unwrap();
    assert_eq!(
        (all.len(), all[1].set.as_str(), &all[1].policy_hash),
        (2, named.as_str(), &all[0].policy_hash)
    );
    assert_ne!(all[0].set, named);
    bench.tick(bench.clock() + 60_000);
    assert_eq!(bench.get("Case::\"c1\"", "caseManager").as_deref(), Some("manager"));
    // Whoever is looked at again no longer fits.
    let text = "user,role,at,from,until\nmanager,caseManagerAt,south,2026-05-01,2026-05-02\nmanager,caseManagerAt,north,2026-05-01,2026-05-02\n";
    bench.store().feed_at("staff", text.as_bytes().to_vec(), 0, bench.clock()).unwrap();
    assert_eq!(bench.get("Case::\"c1\"", "caseManager"), None);
}

#[test]
fn policies_that_were_altered_in_the_database_do_not_decide() {
    let mut bench = Bench::with_case();
    bench.store = None;
    let sql = "UPDATE caseward_policy_text SET sources = replace(sources, 'principal.loginActive', 'true')";
    assert_eq!(bench.alter(sql), 1);
    let error =
        caseward_store::Store::open(bench.place(), &crate::bench::options()).err().unwrap().to_string();
    assert!(error.contains("were altered"), "{error}");
}

#[test]
fn policies_of_the_start_that_were_exchanged_are_told() {
    let mut bench = Bench::with_case();
    assert_eq!(comments(&bench), Outcome::Done);
    let later = Activation::now("the board", "a trial").at(bench.clock() + 10 * DAY);
    let other = bench.store().activate(&without_comments(), &later).unwrap();
    assert!(bench.store().doctor().unwrap().is_sound());
    bench.store = None;
    let start = |set: &str| format!("UPDATE caseward_policies SET hash = '{set}' WHERE event = 0");
    assert_eq!(bench.alter(&start(&other)), 1);
    bench.reopen();
    told(&bench, "the store says that others were in force");
    // With a hash that says otherwise than its text.
    bench.store = None;
    let named = "UPDATE caseward_policy_text SET policy_hash = (SELECT policy_hash FROM caseward_policy_text \
                 WHERE hash <> 'x' AND hash <> '{}' LIMIT 1) WHERE hash = '{}'";
    let named = named.replacen("{}", &other, 1).replacen("{}", &other, 1);
    assert_eq!(bench.alter(&named), 1);
    bench.reopen();
    told(&bench, "was altered");
}

#[test]
fn who_fits_of_the_start_that_was_exchanged_is_told() {
    let mut bench = Bench::with_case();
    let mut set = PolicySet::attendance();
    for source in &mut set.fits.policies {
        let text = source.text.replace("resource has provider", "true || resource has provider");
        *source = Source::new(source.name.to_string(), text);
    }
    let later = Activation::now("the board", "a trial").at(bench.clock() + 10 * DAY);
    let other = bench.store().activate(&set, &later).unwrap();
    bench.store = None;
    assert_eq!(bench.alter(&format!("UPDATE caseward_policies SET hash = '{other}' WHERE event = 0")), 1);
    bench.reopen();
    told(&bench, "the store says that others were in force");
}

#[test]
fn policies_that_were_exchanged_before_anybody_did_anything_are_told() {
    let mut bench = Bench::new();
    let later = Activation::now("the board", "a trial").at(bench.clock() + 10 * DAY);
    let elsewhere = Bench::new();
    let other = elsewhere.store().activate(&without_comments(), &later).unwrap();
    assert!(bench.store().doctor().unwrap().is_sound());
    bench.store = None;
    // The text of another store, under its own name.
    let kept = |what: &str| {
        let sql = format!("SELECT {what} FROM caseward_policy_text WHERE hash = '{other}'");
        elsewhere.text(&sql).replace('\'', "''")
    };
    let sql = format!(
        "UPDATE caseward_policy_text SET hash = '{other}', policy_hash = '{}', sources = '{}'",
        kept("policy_hash"),
        kept("sources")
    );
    assert_eq!(bench.alter(&sql), 1);
    assert_eq!(bench.alter(&format!("UPDATE caseward_policies SET hash = '{other}' WHERE event = 0")), 1);
    bench.reopen();
    told(&bench, "the store says that others were in force");
}

/// That the doctor tells a fault of policies.
fn told(bench: &Bench, what: &str) {
    let found = bench.store().doctor().unwrap();
    let mut told = found.findings.iter().filter(|one| one.is_fault && one.kind == "policies");
    assert!(told.any(|one| one.what.contains(what)), "{found:#?}");
}
