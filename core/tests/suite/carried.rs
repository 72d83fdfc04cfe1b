//! Answers that go to another process come back as they were, and as nothing else.

use std::fmt::Debug;

use caseward::attendance::Sample;
use caseward::carried::Carried;
use caseward::matrix::Matrix;
use caseward::sql::{Database, Dialect, Filter, Mapping};
use caseward::testing::asks::{about, query, request, who_may};
use caseward::{
    ActionAnswer, Changes, Context, EntityUid, Explanation, Fault, Group, Ip, Page, Protection, Source,
    Table, Turn, Value, View, Ward, Zone,
};

const NOW: i64 = 1_778_446_800_000;

#[track_caller]
fn comes_back<T: Carried + PartialEq + Debug>(value: &T) {
    let bytes = value.to_bytes();
    assert_eq!(&T::from_bytes(&bytes).unwrap(), value);
    // Whatever is left out or added is noticed, and nothing panics.
    for end in (0..bytes.len()).step_by(1 + bytes.len() / 12) {
        assert!(T::from_bytes(&bytes[..end]).is_err_and(|error| error.is_data()));
    }
    assert!(T::from_bytes(&[&bytes[..], b"x"].concat()).is_err_and(|error| error.is_data()));
    for at in (0..bytes.len()).step_by(1 + bytes.len() / 12) {
        let mut other = bytes.clone();
        other[at] ^= 0x55;
        assert!(T::from_bytes(&other).is_err() || T::from_bytes(&other).unwrap() != *value);
    }
}

#[test]
fn answers_come_back_as_they_were() {
    let ward = Ward::attendance().unwrap();
    let world = Sample { cases: 60, seed: 1 }.build(&ward, &mut |_| {}).unwrap();
    let at = Context::at(NOW);
    let case = EntityUid::new("Case", "c0000001");
    let (mut turns, mut conditions) = (0, 0);
    for person in ["u00001", "u00002", "u00007", "u00011", "u00023", "nobody"] {
        let person = EntityUid::new("User", person);
        comes_back(&ward.view(&world, &about(&person, &case, &at)).unwrap());
        ward.actions(&world, &about(&person, &case, &at))
            .unwrap()
            .iter()
            .for_each(comes_back::<ActionAnswer>);
        let visible = ward.visible(&world, &query(&person, "viewSummary", "Case", &at)).unwrap();
        comes_back::<Page>(&visible.page(None, 2).unwrap());
        for action in ["viewSummary", "viewRecord", "closeCase", "viewSupportPlan"] {
            let why = ward.explain(&world, &request(&person, action, &case, &at)).unwrap();
            turns += usize::from(matches!(why.turn, Turn::Found { .. } | Turn::Kept { .. }));
            conditions +=
                why.deciding.iter().chain(&why.nearest).map(|reason| reason.conditions.len()).sum::<usize>();
            comes_back::<Explanation>(&why);
        }
    }
    assert!(turns >= 3 && conditions >= 30, "{turns} turns, {conditions} conditions");
    for granted in ward.who_with_reasons(&world, &who_may("viewSummary", &case, "User", &at)).unwrap() {
        comes_back(&granted);
    }
    comes_back(
        &Matrix::read(&ward, &Source::new("matrix.toml", include_str!("../../../policies/matrix.toml")))
            .unwrap(),
    );
}

#[test]
fn tables_and_filters_come_back_as_they_were() {
    let ward = Ward::attendance().unwrap();
    let world = Sample { cases: 200, seed: 1 }.build(&ward, &mut |_| {}).unwrap();
    let at = Context::at(NOW);
    let zone = Zone::utc();
    let groups: Vec<Group> =
        ["status", "month of openedAt"].iter().map(|text| Group::parse(text, &zone).unwrap()).collect();
    let everybody: Vec<EntityUid> = world.ids("User").unwrap().map(|id| EntityUid::new("User", id)).collect();
    let mut tables = 0;
    for person in everybody.iter().step_by(7) {
        for dialect in Dialect::ALL {
            let database = Database::new(ward.schema(), &Mapping::default(), dialect).unwrap();
            comes_back::<Filter>(
                &ward.filter(&world, &query(person, "viewSummary", "Case", &at), &database).unwrap(),
            );
        }
        let Ok(table) = ward.count_by(&world, &query(person, "viewSummary", "Case", &at), &groups) else {
            continue;
        };
        comes_back::<Table>(&table);
        comes_back::<Table>(&table.protect(&Protection::default()).unwrap());
        tables += usize::from(!table.cells().is_empty());
    }
    assert!(tables > 3, "{tables} tables");
}

#[test]
fn every_kind_of_value_and_change_comes_back() {
    let user = EntityUid::new("User", "ā \"\n\u{0}");
    let values = [
        Value::Bool(false),
        Value::Long(i64::MIN),
        Value::string("\u{0}é"),
        Value::Entity(user.clone()),
        Value::set([1.into(), "1".into(), Value::set([])]),
        Value::record([("a", Value::record([("", true.into())]))]),
        Value::Decimal(-1),
        Value::Ip(Ip { address: "10.0.0.1".parse().unwrap(), prefix: 8 }),
        Value::Ip(Ip { address: "::ffff:10.0.0.1".parse().unwrap(), prefix: 128 }),
        Value::Datetime(i64::MAX),
        Value::Duration(-5),
    ];
    values.iter().for_each(comes_back);
    let tags = [("t".into(), values[4].clone())].into();
    let changes = Changes::new()
        .put_whole(&user, [("x", values[5].clone())], [user.clone()], tags)
        .set(&user, "a", values[7].clone())
        .unset(&user, "b")
        .set_parents(&user, [user.clone()])
        .set_tag(&user, "c", 1)
        .unset_tag(&user, "d")
        .remove(&user);
    comes_back(&changes);
    let faults = [
        Fault::Absent(user.clone()),
        Fault::Unseen(user),
        Fault::Policy { id: "p".into(), message: "m".into() },
        Fault::Request("r".into()),
    ];
    faults.iter().for_each(comes_back);
}

#[test]
fn what_tells_everything_never_comes_back_as_a_view() {
    let ward = Ward::attendance().unwrap();
    let world = Sample { cases: 10, seed: 1 }.build(&ward, &mut |_| {}).unwrap();
    let (person, case) = (EntityUid::new("User", "u00001"), EntityUid::new("Case", "c0000001"));
    let request = request(&person, "viewSummary", &case, &Context::at(NOW));
    let bytes = ward.explain(&world, &request).unwrap().to_bytes();
    let error = View::from_bytes(&bytes).unwrap_err();
    assert!(error.to_string().contains("not those of a `View` that caseward "), "{error}");
    // Values within values within values end.
    let mut deep = Value::Long(1);
    for _ in 0..100_000 {
        deep = Value::set([deep]);
        if let Value::Set(_) = &deep
            && deep.to_bytes().len() > 5_000
        {
            break;
        }
    }
    assert!(Value::from_bytes(&deep.to_bytes()).is_err());
}
