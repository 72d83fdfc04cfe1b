//! The certification scenario of OpenID AuthZEN: its fixture, and its levels Basic, Batch, Search and Discovery.
//!
//! The scenario's own text is `certification/authorization-api-1_0-scenario.md` of `openid/authzen`; here are its requirements, in
//! requests of the same facts. Its sub-levels `Properties` are asked of a service that trusts them, but for what an item of a
//! batch lacks, which is taken from nowhere else: an item replaces an entity whole.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};

use crate::support::{ask, ok, over, post};

const SCHEMA: &str = "entity user = { role?: String };
    entity record = { status: String };
    action read, write appliesTo { principal: user, resource: record };
    action delete appliesTo { principal: user, resource: record, context: { soft?: Bool } };";

const POLICIES: &str = r#"
    @id("everybody-reads") permit (principal, action == Action::"read", resource);
    @id("alice-writes") permit (principal == user::"alice", action == Action::"write", resource)
        when { resource.status == "active" };
    @id("admins-write") permit (principal, action == Action::"write", resource)
        when { principal has role && principal.role == "admin" && resource.status == "archived" };
    @id("alice-deletes") permit (principal == user::"alice", action == Action::"delete", resource)
        when { context has soft && context.soft };
"#;

fn router(settings: &str) -> Router {
    let entities = json!([
        {"uid": {"type": "user", "id": "alice"}, "attrs": {}, "parents": []},
        {"uid": {"type": "user", "id": "bob"}, "attrs": {"role": "admin"}, "parents": []},
        {"uid": {"type": "record", "id": "record-1"}, "attrs": {"status": "active"}, "parents": []},
        {"uid": {"type": "record", "id": "record-2"}, "attrs": {"status": "archived"}, "parents": []},
    ]);
    over(SCHEMA, POLICIES, &entities, &format!("development = true\n{settings}")).router()
}

fn user(id: &str) -> Json {
    json!({"type": "user", "id": id})
}

fn record(id: &str) -> Json {
    json!({"type": "record", "id": id})
}

fn may(subject: &str, action: &str, resource: &str) -> Json {
    json!({"subject": user(subject), "action": {"name": action}, "resource": record(resource)})
}

async fn decided(router: &Router, request: &Json) -> bool {
    let answer = ok(router, "/access/v1/evaluation", request).await;
    assert!(answer["context"].is_object(), "{answer}");
    answer["decision"].as_bool().expect("a decision")
}

#[tokio::test]
async fn basic_core_decisions() {
    for settings in ["", "[authzen]\ntrust_properties = true"] {
        let router = router(settings);
        for (subject, action, expected) in [
            ("alice", "read", true),
            ("alice", "write", true),
            ("bob", "read", true),
            ("bob", "write", false),
        ] {
            let mut request = may(subject, action, "record-1");
            for _ in 0..3 {
                assert_eq!(decided(&router, &request).await, expected, "{subject} {action}");
            }
            for context in
                [json!({}), json!({"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1", "now": 7})]
            {
                request["context"] = context;
                assert_eq!(decided(&router, &request).await, expected, "{request}");
            }
            request["foo"] = json!("bar");
            request["futureField"] = json!({"nested": true});
            request["subject"]["properties"] = json!({"department": "Sales"});
            request["action"]["properties"] = json!({"method": "GET"});
            request["resource"]["properties"] = json!({"owner": "bob"});
            assert_eq!(decided(&router, &request).await, expected, "{request}");
        }
    }
}

#[tokio::test]
async fn basic_properties_where_they_are_trusted() {
    let trusting = router("[authzen]\ntrust_properties = true");
    let with = |subject: &str, action: Json, status: &str| {
        let properties = if subject == "bob" { json!({"role": "admin"}) } else { json!({}) };
        json!({"subject": {"type": "user", "id": subject, "properties": properties}, "action": action,
            "resource": {"type": "record", "id": "record-2", "properties": {"status": status}}})
    };
    assert!(!decided(&trusting, &with("alice", json!({"name": "write"}), "archived")).await);
    assert!(decided(&trusting, &with("alice", json!({"name": "write"}), "active")).await);
    assert!(decided(&trusting, &with("bob", json!({"name": "write"}), "archived")).await);
    for soft in [true, false] {
        let mut request = may("alice", "delete", "record-1");
        request["action"]["properties"] = json!({"soft": soft});
        assert_eq!(decided(&trusting, &request).await, soft);
        assert!(!decided(&router(""), &request).await, "what is not trusted is not looked at");
    }
    assert!(!decided(&router(""), &with("alice", json!({"name": "write"}), "active")).await);
    // What the caller says of one request is a fact of no other.
    assert!(!decided(&trusting, &may("alice", "write", "record-2")).await);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_400() {
    let router = router("");
    let whole = may("alice", "read", "record-1");
    for (of, field) in [
        ("subject", None),
        ("action", None),
        ("resource", None),
        ("subject", Some("type")),
        ("subject", Some("id")),
        ("action", Some("name")),
        ("resource", Some("type")),
        ("resource", Some("id")),
    ] {
        let mut request = whole.clone();
        let fields = match field {
            None => request.as_object_mut(),
            Some(_) => request[of].as_object_mut(),
        };
        fields.expect("an object").remove(field.unwrap_or(of));
        let got = post(&router, "/access/v1/evaluation", &request).await;
        assert_eq!(got.status, 400, "{request}");
        assert!(got.json()["error"].as_str().expect("why").contains(field.unwrap_or(of)), "{got:?}");
        let mut request = whole.clone();
        match field {
            None => request[of] = json!("alice"),
            Some(field) => request[of][field] = json!(123),
        }
        assert_eq!(post(&router, "/access/v1/evaluation", &request).await.status, 400, "{request}");
    }
    let text = whole.to_string();
    for (kind, body) in [
        (Some("text/plain"), text.as_str()),
        (None, text.as_str()),
        (Some("application/json"), ""),
        (Some("application/json"), "{"),
        (Some("application/json"), "[]"),
        (Some("application/x-www-form-urlencoded"), "a=b"),
    ] {
        let mut request = Request::post("/access/v1/evaluation");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let got = ask(&router, request.body(Body::from(body.to_owned())).expect("a request")).await;
        assert_eq!(got.status, 400, "{kind:?} {body}");
    }
}

#[tokio::test]
async fn a_request_keeps_its_name() {
    let router = router("");
    let named = Request::post("/access/v1/evaluation")
        .header("content-type", "application/json; charset=utf-8")
        .header("x-request-id", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
    let got =
        ask(&router, named.body(may("alice", "read", "record-1").to_string().into()).expect("a request"))
            .await;
    assert_eq!(got.header("x-request-id"), Some("bfe9eb29-ab87-4ca3-be83-a1d5d8305716"));
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/json")));
    let got = post(&router, "/access/v1/evaluation", &json!({})).await;
    assert!(got.status == 400 && got.header("x-request-id").is_some_and(|id| !id.is_empty()));
}

async fn batch(router: &Router, request: &Json) -> Vec<bool> {
    let answer = ok(router, "/access/v1/evaluations", request).await;
    let all = answer["evaluations"].as_array().expect("evaluations");
    assert!(answer.get("decision").is_none());
    all.iter().map(|one| one["decision"].as_bool().expect("a decision")).collect()
}

#[tokio::test]
async fn batch_core() {
    let router = router("");
    let of_alice = json!({"subject": user("alice"), "action": {"name": "read"},
        "evaluations": [{"resource": record("record-1")}, {"resource": record("record-2")}]});
    assert_eq!(batch(&router, &of_alice).await, [true, true]);
    let of_bob = json!({"subject": user("bob"), "resource": record("record-1"),
        "evaluations": [{"action": {"name": "read"}}, {"action": {"name": "write"}}]});
    assert_eq!(batch(&router, &of_bob).await, [true, false]);
    let whole = json!({"evaluations": [may("alice", "read", "record-1"), may("bob", "write", "record-1")]});
    assert_eq!(batch(&router, &whole).await, [true, false]);
    let mut in_context = of_alice.clone();
    in_context["context"] = json!({"time": "2025-06-27T18:03-07:00"});
    in_context["evaluations"][1]["context"] = json!({"source": "batch-override"});
    assert_eq!(batch(&router, &in_context).await, [true, true]);
    let mut lacking = of_alice.clone();
    lacking["evaluations"][1] = json!({});
    assert_eq!(batch(&router, &lacking).await, [true, false]);
    for evaluations in [None, Some(json!([]))] {
        let mut request = may("alice", "read", "record-1");
        if let Some(evaluations) = evaluations {
            request["evaluations"] = evaluations;
        }
        let answer = ok(&router, "/access/v1/evaluations", &request).await;
        assert_eq!(answer["decision"], json!(true));
        assert!(answer.get("evaluations").is_none());
    }
}

#[tokio::test]
async fn batch_properties_where_they_are_trusted() {
    let router = router("[authzen]\ntrust_properties = true");
    let record =
        |id: &str, status: &str| json!({"type": "record", "id": id, "properties": {"status": status}});
    let request = json!({"subject": user("alice"), "action": {"name": "write"}, "evaluations": [
        {"resource": record("record-1", "active")}, {"resource": record("record-2", "archived")}]});
    assert_eq!(batch(&router, &request).await, [true, false]);
    let bob = json!({"type": "user", "id": "bob", "properties": {"role": "admin"}});
    let request = json!({"action": {"name": "write"}, "resource": record("record-2", "archived"),
        "evaluations": [{"subject": user("alice")}, {"subject": bob}]});
    assert_eq!(batch(&router, &request).await, [false, true]);
}

async fn found(router: &Router, what: &str, request: &Json) -> Vec<String> {
    let answer = ok(router, &format!("/access/v1/search/{what}"), request).await;
    let name = if what == "action" { "name" } else { "id" };
    let results = answer["results"].as_array().expect("results");
    assert_eq!(answer["page"]["total"], json!(results.len()), "{answer}");
    results.iter().map(|one| one[name].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn search_core() {
    let router = router("");
    let action = json!({"name": "read"});
    let mut subjects = json!({"subject": {"type": "user"}, "action": action, "resource": record("record-1")});
    assert_eq!(found(&router, "subject", &subjects).await, ["alice", "bob"]);
    subjects["context"] = json!({"ip": "192.168.1.1"});
    assert_eq!(found(&router, "subject", &subjects).await, ["alice", "bob"]);
    let resources = json!({"subject": user("alice"), "action": action, "resource": {"type": "record"}});
    assert_eq!(found(&router, "resource", &resources).await, ["record-1", "record-2"]);
    let mut actions = json!({"subject": user("alice"), "resource": record("record-1")});
    assert_eq!(found(&router, "action", &actions).await, ["read", "write"]);
    actions["context"] = json!({"ip": "192.168.1.1"});
    assert_eq!(found(&router, "action", &actions).await, ["read", "write"]);
    subjects["page"] = json!({"limit": 1});
    let first = ok(&router, "/access/v1/search/subject", &subjects).await;
    let token = first["page"]["next_token"].as_str().expect("a token");
    assert!(!token.is_empty() && first["results"] == json!([user("alice")]), "{first}");
    subjects["page"] = json!({"token": token});
    let second = ok(&router, "/access/v1/search/subject", &subjects).await;
    assert_eq!((&second["results"], &second["page"]["next_token"]), (&json!([user("bob")]), &json!("")));
    for (what, request) in [
        ("action", json!({"subject": user("nonexistent-user"), "resource": record("record-1")})),
        (
            "subject",
            json!({"subject": {"type": "spaceship"}, "action": action, "resource": record("record-1")}),
        ),
        ("subject", json!({"subject": {"type": "user"}, "action": action, "resource": record("none")})),
        (
            "subject",
            json!({"subject": {"type": "user"}, "action": {"name": "fly"}, "resource": record("record-1")}),
        ),
        ("resource", json!({"subject": user("none"), "action": action, "resource": {"type": "record"}})),
        ("resource", json!({"subject": user("alice"), "action": action, "resource": {"type": "user"}})),
        ("action", json!({"subject": user("alice"), "resource": {"type": "spaceship", "id": "1"}})),
    ] {
        assert!(found(&router, what, &request).await.is_empty(), "{what} {request}");
    }
    for (what, request) in [
        ("subject", json!({"subject": {"type": "user"}, "resource": record("record-1")})),
        ("resource", json!({"action": action, "resource": {"type": "record"}})),
        ("action", json!({"subject": user("alice")})),
        ("subject", json!({"subject": {"type": "user"}, "action": action, "resource": {"type": "record"}})),
        ("resource", json!({"subject": {"type": "user"}, "action": action, "resource": {"type": "record"}})),
    ] {
        let path = format!("/access/v1/search/{what}");
        assert_eq!(post(&router, &path, &request).await.status, 400, "{what} {request}");
    }
}

#[tokio::test]
async fn search_properties_where_they_are_trusted() {
    let router = router("[authzen]\ntrust_properties = true");
    let archived = json!({"type": "record", "id": "record-2", "properties": {"status": "archived"}});
    let admin = json!({"type": "user", "id": "bob", "properties": {"role": "admin"}});
    let write = json!({"name": "write"});
    let request = json!({"subject": {"type": "user"}, "action": write, "resource": archived});
    assert_eq!(found(&router, "subject", &request).await, ["bob"]);
    let request = json!({"subject": admin, "action": write, "resource": {"type": "record"}});
    assert_eq!(found(&router, "resource", &request).await, ["record-2"]);
    let request = json!({"subject": admin, "resource": archived});
    assert_eq!(found(&router, "action", &request).await, ["read", "write"]);
}

#[tokio::test]
async fn discovery() {
    for base in ["https://pdp.example.org", "https://pdp.example.org/tenant1"] {
        let router = router(&format!("base_url = \"{base}\""));
        let path = base.strip_prefix("https://pdp.example.org").expect("the base");
        let well_known = format!("/.well-known/authzen-configuration{path}");
        let request = Request::get(&well_known).header("host", "evil.example").body(Body::empty());
        let got = ask(&router, request.expect("a request")).await;
        assert_eq!((got.status, got.header("content-type")), (200, Some("application/json")));
        let metadata = got.json();
        assert_eq!(metadata["policy_decision_point"], json!(base));
        for (name, path) in [
            ("access_evaluation_endpoint", "evaluation"),
            ("access_evaluations_endpoint", "evaluations"),
            ("search_subject_endpoint", "search/subject"),
            ("search_resource_endpoint", "search/resource"),
            ("search_action_endpoint", "search/action"),
        ] {
            assert_eq!(metadata[name], json!(format!("{base}/access/v1/{path}")));
        }
    }
}
