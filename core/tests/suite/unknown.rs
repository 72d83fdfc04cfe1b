//! What there is not: a name that the schema lacks is an error, an entity that the data lacks is denied.
//!
//! The cases are data, which the command, Python and JavaScript run too.

use caseward::attendance::Sample;
use caseward::sql::{Database, Dialect, Mapping};
use caseward::testing::asks::{about, query, who_may};
use caseward::{ActionName, Context, EntityUid, Error, Request, World};
use serde_json::Value as Json;

use super::support::{ATTENDANCE, NOW};

/// What came of a question: whether anything was allowed or found.
fn ask(world: &World, case: &Json) -> Result<bool, Error> {
    let ward = &*ATTENDANCE;
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    let uid = |key: &str| text(key).parse::<EntityUid>();
    let context = || -> Result<Context, Error> {
        match text("action") {
            "" => Ok(Context::at(NOW)),
            action => {
                let given = case.get("context").map_or_else(|| "{}".to_owned(), ToString::to_string);
                Ok(ward.read_context(&ActionName::new(action), &given)?.and_at(NOW))
            }
        }
    };
    let request = || -> Result<Request, Error> {
        let mut request = Request::new(uid("principal")?, ActionName::new(text("action")), uid("resource")?);
        request.context = context()?;
        Ok(request)
    };
    let list = |context: &Context| {
        ward.visible(world, &query(&uid("principal")?, text("action"), text("type"), context))
    };
    match text("ask") {
        "check" => {
            let request = request()?;
            let reference = ward.check_by_reference(world, &request);
            let answer = ward.check(world, &request);
            assert_eq!(answer.as_ref().ok(), reference.as_ref().ok(), "{case}");
            answer.map(|answer| answer.is_allowed())
        }
        "explain" => ward.explain(world, &request()?).map(|why| why.answer.is_allowed()),
        "list" | "count" => list(&context()?).map(|found| !found.is_empty()),
        "filter" => {
            let database = Database::new(ward.schema(), &Mapping::default(), Dialect::Sqlite)?;
            let principal = uid("principal")?;
            let filter =
                ward.filter(world, &query(&principal, text("action"), text("type"), &context()?), &database)?;
            Ok(filter.sql != "FALSE")
        }
        "who" => {
            let found =
                ward.who(world, &who_may(text("action"), &uid("resource")?, text("type"), &context()?))?;
            Ok(!found.is_empty())
        }
        "view" => {
            let view = ward.view(world, &about(&uid("principal")?, &uid("resource")?, &context()?))?;
            Ok(!view.sections().is_empty() || !view.items().is_empty() || !view.actions().is_empty())
        }
        "actions" => {
            let all = ward.actions(world, &about(&uid("principal")?, &uid("resource")?, &context()?))?;
            assert!(all.iter().all(|one| one.answer.is_some()), "{case}");
            Ok(all.iter().any(|one| one.answer.as_ref().is_some_and(caseward::Answer::is_allowed)))
        }
        other => panic!("`{other}` is not asked here"),
    }
}

#[test]
fn what_the_schema_lacks_is_an_error_and_what_the_data_lacks_is_denied() {
    let world = Sample { cases: 20, seed: 1 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    let cases: Vec<Json> = serde_json::from_str(include_str!("../unknown.json")).unwrap();
    assert!(cases.len() > 40);
    for case in cases {
        match (ask(&world, &case), case["is"].as_str().unwrap()) {
            (Ok(false), "denied" | "empty") => {}
            (Err(error), "error") => {
                let says = case["says"].as_str().unwrap();
                assert!(error.is_request() && error.to_string().contains(says), "{case}: {error}");
            }
            (got, _) => panic!("{case}: {got:?}"),
        }
    }
}

/// What is asked of a world alone follows the same rule.
#[test]
fn so_it_is_with_what_a_world_has() {
    let world = Sample { cases: 20, seed: 1 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    let (absent, unknown) = (EntityUid::new("Case", "none"), EntityUid::new("Caes", "c0000001"));
    assert_eq!((world.count("Case").unwrap(), world.ids("Case").unwrap().count()), (20, 20));
    assert_eq!(world.attribute(&absent, "status").unwrap(), None);
    assert!(world.attributes(&absent).unwrap().is_none() && !world.contains(&absent));
    for error in [
        world.count("Caes").unwrap_err(),
        world.ids("Caes").err().unwrap(),
        world.row_bytes("Caes").unwrap_err(),
        world.columns("Caes", &[]).unwrap_err(),
        world.attributes(&unknown).unwrap_err(),
        world.attribute(&unknown, "status").unwrap_err(),
    ] {
        let said = error.to_string();
        assert!(error.is_request() && said.contains("no entity type `Caes`; did you mean `Case`"), "{said}");
    }
    for error in
        [world.attribute(&absent, "staus").unwrap_err(), world.columns("Case", &["staus"]).unwrap_err()]
    {
        let said = error.to_string();
        assert!(
            error.is_request() && said.contains("`Case` has no attribute `staus`; did you mean `status`"),
            "{said}"
        );
    }
}
