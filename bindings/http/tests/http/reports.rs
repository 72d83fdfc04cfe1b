//! Reports over HTTP: for whoever may have them, protected as the settings say.

use serde_json::json;

use crate::cases::case;
use crate::support::{folder, get_as, stored};

#[tokio::test]
async fn a_report_is_for_whoever_may_have_it_and_audited() {
    let (service, store) = stored("development = true");
    let router = service.router();
    case(&router).await;
    let path = "/v1/reports/provider?by=status&purpose=monthly";
    let got = get_as(&router, "flow", path).await;
    assert_eq!(got.status, 200, "{got:?}");
    let ward = store.ward();
    let person = caseward::EntityUid::new("User", "flow");
    let protection = caseward::Protection::default();
    let by = [caseward::Group::of("status")];
    let question = caseward::attendance::ReportQuestion {
        by: &by,
        ..caseward::attendance::ReportQuestion::of(&person, "provider", crate::support::NOW, &protection)
    };
    let table = caseward::attendance::report(&ward, store.world(), &question).unwrap().unwrap();
    assert_eq!(got.json(), serde_json::to_value(&table).unwrap(), "it is core's table");
    let csv = get_as(&router, "flow", &format!("{path}&format=csv")).await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(String::from_utf8(csv.bytes).unwrap(), table.to_csv());
    // Denied, of another kind and absent are alike.
    let unseen = get_as(&router, "flow", "/v1/reports/provider?report=Report::%22none%22").await;
    assert_eq!((unseen.status, unseen.json()), (404, json!({"error": "it is not there, or not to be seen"})));
    for (person, path) in [
        ("south-flow", "/v1/reports/provider?report=Report::%22north-caseload%22"),
        ("rata-lead", "/v1/reports/provider"),
        ("nobody", "/v1/reports/provider?by=status"),
        ("flow", "/v1/reports/national?report=Report::%22north-caseload%22"),
    ] {
        let got = get_as(&router, person, path).await;
        assert_eq!((got.status, &got.bytes), (404, &unseen.bytes), "{person} {path}");
    }
    let looks = get_as(&router, "privacy", "/v1/audit/looked?person=flow").await.json();
    assert!(looks.to_string().contains("monthly"), "{looks}");
}

#[tokio::test]
async fn what_a_request_may_not_say_of_a_report_is_refused() {
    let (service, _store) = stored("development = true");
    let router = service.router();
    for (path, why) in [
        ("/v1/reports/weekly", "there is no report of kind"),
        ("/v1/reports/provider?by=", "group"),
        ("/v1/reports/provider?by=month+of+status", ""),
        ("/v1/reports/provider?report=none", "`report`"),
        ("/v1/reports/provider?format=xml", "json or csv"),
        ("/v1/reports/provider?zone=Nowhere", "`zone`"),
        ("/v1/reports/provider?below=1", "there is no parameter `below`"),
        ("/v1/reports/anonymised?as_of=2026-05-01T00:00:00Z", "there is no parameter `as_of`"),
        ("/v1/reports/anonymised?zone=UTC", "published"),
    ] {
        let got = get_as(&router, "flow", path).await;
        assert_eq!(got.status, 400, "{path}: {got:?}");
        assert!(got.json()["error"].as_str().unwrap().contains(why), "{path}: {got:?}");
    }
}

#[tokio::test]
async fn counts_in_aggregate_are_protected_as_the_settings_say() {
    let text = |settings: String| async move {
        let ward = caseward::Ward::attendance().unwrap();
        let sample = caseward::attendance::Sample { cases: 1_000, seed: 7 };
        let world = sample.build(&ward, &mut |_| {}).unwrap();
        let research = caseward::Value::Entity(caseward::EntityUid::new("MinistryTeam", "research"));
        let people: Vec<String> = world.ids("User").unwrap().map(str::to_owned).collect();
        let person = people.into_iter().find(|id| {
            let teams = world.attribute(&caseward::EntityUid::new("User", id.as_str()), "ministryTeams");
            matches!(teams, Ok(Some(caseward::Value::Set(teams))) if teams.contains(&research))
        });
        let live = caseward::Live::new(ward, world).unwrap();
        let settings = caseward_http::Settings::read(&format!("development = true\n{settings}"), []).unwrap();
        let service = caseward_http::Service::over_world(live, settings).unwrap().at(|| crate::support::NOW);
        let path = "/v1/reports/anonymised?by=status&by=provider&format=csv";
        let got = get_as(&service.router(), &person.unwrap(), path).await;
        assert_eq!(got.status, 200, "{got:?}");
        String::from_utf8(got.bytes).unwrap()
    };
    let key = folder().join("round.key");
    let drawn: Vec<u8> = (0..32_u32).map(|at| u8::try_from(at * at * 31 % 251).unwrap()).collect();
    std::fs::write(&key, drawn).unwrap();
    let (few, many) = (text(String::new()).await, text("[reports]\nbelow = 40".to_owned()).await);
    let rounded = text(format!("[reports]\nround_key = {:?}", key.display().to_string())).await;
    assert!(few != many && few != rounded, "{few}\n{many}\n{rounded}");
    assert!(caseward_http::Settings::read("[reports]\nabove = 1", []).is_err());
}
