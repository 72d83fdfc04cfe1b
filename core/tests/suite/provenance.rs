//! Every answer says what it was made from, in the same terms, and its JSON has them beside the rest.

use caseward::attendance::Sample;
use caseward::sql::{Database, Dialect, Mapping};
use caseward::{
    ActionName, ActionQuery, Changes, EntityUid, Group, PrincipalQuery, Provenance, Query, Request,
    RequestEnvironment, TypeName, Value,
};
use serde_json::{Value as Json, json};

use crate::support::{ATTENDANCE, NOW};

#[test]
fn every_answer_has_its_provenance() {
    let world = Sample { cases: 20, seed: 1 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    let school = EntityUid::new("School", "new");
    world.apply(&Changes::new().put(&school, [("kind", Value::from("state"))])).unwrap();
    let (person, case) = (EntityUid::new("User", "u00001"), EntityUid::new("Case", "c0000001"));
    let action = || ActionName::new("viewSummary");
    let query = Query::new(person.clone(), action(), TypeName::new("Case")).at(NOW);

    let check =
        ATTENDANCE.check(&world, &Request::new(person.clone(), action(), case.clone()).at(NOW)).unwrap();
    let list = ATTENDANCE.visible(&world, &query).unwrap();
    let who = PrincipalQuery::new(TypeName::new("User"), action(), case.clone()).at(NOW);
    let who = ATTENDANCE.who(&world, &who).unwrap();
    let view = ATTENDANCE.view(&world, &ActionQuery::new(person, case).at(NOW)).unwrap();
    let table = ATTENDANCE.count_by(&world, &query, &[] as &[Group]).unwrap();
    let database = Database::new(ATTENDANCE.schema(), &Mapping::default(), Dialect::Sqlite).unwrap();
    let filter = ATTENDANCE.filter(&world, &query, &database).unwrap();
    let environment = RequestEnvironment::new(TypeName::new("User"), action(), TypeName::new("Case"));
    let decider = ATTENDANCE.decider(&world, &environment).unwrap();
    let decisions = decider.decide_columns(&[], &[], &decider.prepare(&query.context).unwrap()).unwrap();
    let refused = ATTENDANCE.refused(&world, "it is no request");

    let expected = Provenance::new(ATTENDANCE.policy_hash().clone(), 2, Some(NOW));
    let all = [&check.provenance, list.provenance(), who.provenance(), view.provenance(), table.provenance()];
    for of in all.into_iter().chain([&filter.provenance, &decisions.provenance]) {
        assert_eq!(of, &expected);
    }
    assert_eq!(refused.provenance, Provenance::new(ATTENDANCE.policy_hash().clone(), 2, None));

    let now = json!("2026-05-10T21:00:00.000Z");
    for (shown, now) in [
        (json!(check), Some(&now)),
        (json!(list), Some(&now)),
        (json!(who), Some(&now)),
        (json!(view), Some(&now)),
        (json!(table), Some(&now)),
        (json!(filter), None),
        (json!(refused), Some(&Json::Null)),
    ] {
        let of = (shown.get("policy_hash"), shown.get("version"), shown.get("now"));
        assert_eq!(of, (Some(&json!(**ATTENDANCE.policy_hash())), Some(&json!(2)), now), "{shown}");
        assert_eq!(shown.get("provenance"), None);
    }
}
