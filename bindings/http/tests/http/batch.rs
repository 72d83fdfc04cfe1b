//! Many evaluations in one request: their three semantics, and what replaces what.

use axum::Router;
use serde_json::{Value as Json, json};

use crate::support::{ok, over, post};

fn router() -> Router {
    let schema = "entity U; entity R = { open: Bool }; action go appliesTo { principal: U, resource: R, context: { sure?: Bool } };";
    let policies = r#"@id("open") permit (principal, action, resource) when { resource.open };
        @id("sure") permit (principal, action, resource) when { context has sure && context.sure };"#;
    let resource = |id: &str, open: bool| json!({"uid": {"type": "R", "id": id}, "attrs": {"open": open}, "parents": []});
    let entities = json!([
        {"uid": {"type": "U", "id": "u"}, "attrs": {}, "parents": []}, resource("yes", true), resource("no", false),
    ]);
    over(schema, policies, &entities, "development = true\n[limits]\nevaluations = 40").router()
}

fn to(id: &str) -> Json {
    json!({"resource": {"type": "R", "id": id}})
}

async fn decided(semantic: Option<&str>, items: Vec<Json>) -> Vec<(bool, bool)> {
    let mut request =
        json!({"subject": {"type": "U", "id": "u"}, "action": {"name": "go"}, "evaluations": items});
    if let Some(semantic) = semantic {
        request["options"] = json!({"evaluations_semantic": semantic, "another": 1});
    }
    let answer = ok(&router(), "/access/v1/evaluations", &request).await;
    let all = answer["evaluations"].as_array().unwrap().iter();
    all.map(|one| (one["decision"].as_bool().unwrap(), one["context"].get("error").is_some())).collect()
}

#[tokio::test]
async fn a_batch_is_cut_short_behind_its_decider() {
    let items = || vec![to("yes"), to("no"), to("yes"), json!({}), to("yes")];
    let (yes, no, error) = ((true, false), (false, false), (false, true));
    let all = [yes, no, yes, error, yes];
    assert_eq!(decided(None, items()).await, all);
    assert_eq!(decided(Some("execute_all"), items()).await, all);
    assert_eq!(decided(Some("deny_on_first_deny"), items()).await, [yes, no]);
    assert_eq!(decided(Some("permit_on_first_permit"), items()).await, [yes]);
    assert_eq!(
        decided(Some("permit_on_first_permit"), vec![to("no"), json!({}), to("yes")]).await,
        [no, error, yes]
    );
    assert_eq!(
        decided(Some("deny_on_first_deny"), vec![to("yes"), json!({}), to("yes")]).await,
        [yes, error]
    );
    assert_eq!(decided(Some("deny_on_first_deny"), vec![to("yes"); 40]).await, vec![yes; 40]);
    assert_eq!(decided(None, vec![json!(7), to("yes"), Json::Null]).await, [error, yes, error]);
}

#[tokio::test]
async fn a_key_of_an_item_replaces_that_of_the_request_whole() {
    let request = json!({"subject": {"type": "U", "id": "u"}, "action": {"name": "go"}, "context": {"sure": true},
        "resource": {"type": "R", "id": "no"}, "evaluations": [
            {}, {"context": {}}, {"context": {"other": 1}}, {"resource": {"id": "yes"}}, {"resource": {"type": "R"}},
            {"subject": {"type": "U", "id": "nobody"}}, {"action": {"name": "fly"}}]});
    let answer = ok(&router(), "/access/v1/evaluations", &request).await;
    let all: Vec<_> =
        answer["evaluations"].as_array().unwrap().iter().map(|one| one["decision"].clone()).collect();
    assert_eq!(json!(all), json!([true, false, false, false, false, false, false]), "{answer}");
    let lacking = &answer["evaluations"][3]["context"]["error"];
    assert_eq!(
        (&lacking["status"], lacking["message"].as_str().unwrap().contains("type")),
        (&json!(400), true)
    );
}

#[tokio::test]
async fn what_cannot_be_read_as_a_whole_is_no_answer() {
    let router = router();
    let with = |name: &str, value: Json| {
        let mut request = json!({"subject": {"type": "U", "id": "u"}, "action": {"name": "go"}, "evaluations": [to("yes")]});
        request[name] = value;
        request
    };
    for (request, status) in [
        (with("evaluations", json!({})), 400),
        (with("evaluations", json!("x")), 400),
        (with("options", json!([])), 400),
        (with("options", json!({"evaluations_semantic": "first"})), 400),
        (with("options", json!({"evaluations_semantic": 1})), 400),
        (with("subject", json!("u")), 400),
        (with("context", json!([])), 400),
        (with("evaluations", json!(vec![to("yes"); 41])), 413),
        (json!([]), 400),
        (json!({"evaluations": []}), 400),
    ] {
        assert_eq!(post(&router, "/access/v1/evaluations", &request).await.status, status, "{request}");
    }
}

#[tokio::test]
async fn a_decision_says_what_it_was_made_by_and_from() {
    let request = json!({"subject": {"type": "U", "id": "u"}, "action": {"name": "go"}, "resource": {"type": "R", "id": "yes"}});
    let answer = ok(&router(), "/access/v1/evaluation", &request).await;
    let context = answer["context"].as_object().unwrap();
    assert_eq!(context["policies"], json!(["open"]));
    assert_eq!(context["policy_hash"].as_str().unwrap().len(), 64);
    assert_eq!((&context["data_version"], &context["now"]), (&json!(1), &json!("2026-05-10T21:00:00Z")));
    assert!(!context.contains_key("reasons") && !context.contains_key("error"));
}
