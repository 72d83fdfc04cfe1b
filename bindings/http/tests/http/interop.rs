//! The scenarios that AuthZEN's implementers met over: their facts, as `openid/authzen` has them, and the answers that all of
//! them gave.

use serde_json::{Value as Json, json};

use crate::support::{ok, over};

/// Who may view, edit and delete which of twenty records: a manager views all and edits those of their department; others
/// view those of their department; and whoever owns one may do everything to it.
#[tokio::test]
async fn search() {
    let schema = "entity user = { role: String, department: String };
        entity record = { department: String, owner: user };
        action view, edit, delete appliesTo { principal: user, resource: record };";
    let policies = r#"
        @id("owners") permit (principal, action, resource) when { resource.owner == principal };
        @id("department") permit (principal, action == Action::"view", resource)
            when { principal.department == resource.department };
        @id("managers-view") permit (principal, action == Action::"view", resource) when { principal.role == "manager" };
        @id("managers-edit") permit (principal, action == Action::"edit", resource)
            when { principal.role == "manager" && principal.department == resource.department };
    "#;
    let users = [
        ("alice", "manager", "Sales"),
        ("bob", "employee", "Legal"),
        ("carol", "contractor", "Legal"),
        ("dan", "manager", "Finance"),
        ("erin", "employee", "Finance"),
        ("felix", "contractor", "Accounting"),
    ];
    // Owners go round; departments by the first letter.
    let departments = "LLLALASLASALSAFLLALA";
    let mut entities: Vec<Json> = users
        .iter()
        .map(|(id, role, department)| {
            json!({"uid": {"type": "user", "id": id}, "attrs": {"role": role, "department": department}, "parents": []})
        })
        .collect();
    for (at, letter) in departments.chars().enumerate() {
        let department = match letter {
            'L' => "Legal",
            'A' => "Accounting",
            'S' => "Sales",
            _ => "Finance",
        };
        let owner = json!({"__entity": {"type": "user", "id": users[at % 6].0}});
        entities.push(json!({"uid": {"type": "record", "id": (101 + at).to_string()},
            "attrs": {"department": department, "owner": owner}, "parents": []}));
    }
    let router = over(schema, policies, &json!(entities), "development = true").router();
    // What the vectors expect: who, what, and the last two digits of the records.
    let expected: [(&str, &str, &[u32]); 18] = [
        ("alice", "view", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]),
        ("alice", "edit", &[1, 7, 10, 13, 19]),
        ("alice", "delete", &[1, 7, 13, 19]),
        ("bob", "view", &[1, 2, 3, 5, 8, 12, 14, 16, 17, 19, 20]),
        ("bob", "edit", &[2, 8, 14, 20]),
        ("bob", "delete", &[2, 8, 14, 20]),
        ("carol", "view", &[1, 2, 3, 5, 8, 9, 12, 15, 16, 17, 19]),
        ("carol", "edit", &[3, 9, 15]),
        ("carol", "delete", &[3, 9, 15]),
        ("dan", "view", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]),
        ("dan", "edit", &[4, 10, 15, 16]),
        ("dan", "delete", &[4, 10, 16]),
        ("erin", "view", &[5, 11, 15, 17]),
        ("erin", "edit", &[5, 11, 17]),
        ("erin", "delete", &[5, 11, 17]),
        ("felix", "view", &[4, 6, 9, 11, 12, 14, 18, 20]),
        ("felix", "edit", &[6, 12, 18]),
        ("felix", "delete", &[6, 12, 18]),
    ];
    for (subject, action, records) in expected {
        let results: Vec<Json> = records
            .iter()
            .map(|record| json!({"type": "record", "id": (100 + record).to_string()}))
            .collect();
        let request = json!({"subject": {"type": "user", "id": subject}, "action": {"name": action},
            "resource": {"type": "record"}});
        assert_eq!(
            ok(&router, "/access/v1/search/resource", &request).await["results"],
            json!(results),
            "{request}"
        );
    }
    for at in 1..=20 {
        let record = json!({"type": "record", "id": (100 + at).to_string()});
        let may = |subject: &str, action: &str| {
            expected
                .iter()
                .any(|(of, what, records)| *of == subject && *what == action && records.contains(&at))
        };
        for action in ["view", "edit", "delete"] {
            let who = users.iter().filter(|(id, ..)| may(id, action));
            let who: Vec<Json> = who.map(|(id, ..)| json!({"type": "user", "id": id})).collect();
            let request =
                json!({"subject": {"type": "user"}, "action": {"name": action}, "resource": record});
            assert_eq!(
                ok(&router, "/access/v1/search/subject", &request).await["results"],
                json!(who),
                "{request}"
            );
        }
        for (id, ..) in users {
            let names: Vec<Json> = ["delete", "edit", "view"]
                .into_iter()
                .filter(|name| may(id, name))
                .map(|name| json!({"name": name}))
                .collect();
            let request = json!({"subject": {"type": "user", "id": id}, "resource": record});
            assert_eq!(
                ok(&router, "/access/v1/search/action", &request).await["results"],
                json!(names),
                "{request}"
            );
        }
    }
}

/// The to-do list: everybody reads; editors and admins add; editors change their own, the evil genius those of others.
#[tokio::test]
async fn todo() {
    let schema = "entity user = { roles: Set<String> };
        entity todo = { ownerID?: String };
        action can_read_user appliesTo { principal: user, resource: user };
        action can_read_todos, can_create_todo, can_update_todo, can_delete_todo appliesTo { principal: user, resource: todo };";
    let policies = r#"
        @id("reads-users") permit (principal, action == Action::"can_read_user", resource);
        @id("reads") permit (principal, action == Action::"can_read_todos", resource);
        @id("adds") permit (principal, action == Action::"can_create_todo", resource)
            when { principal.roles.containsAny(["editor", "admin"]) };
        @id("changes-morty") permit (principal == user::"morty", action in [Action::"can_update_todo", Action::"can_delete_todo"],
            resource) when { resource has ownerID && resource.ownerID == "morty@the-citadel.com" };
        @id("changes-summer") permit (principal == user::"summer", action in [Action::"can_update_todo", Action::"can_delete_todo"],
            resource) when { resource has ownerID && resource.ownerID == "summer@the-smiths.com" };
        @id("genius") permit (principal, action in [Action::"can_update_todo", Action::"can_delete_todo"], resource)
            when { principal.roles.contains("evil_genius") };
    "#;
    let users: [(&str, &[&str]); 5] = [
        ("rick", &["admin", "evil_genius"]),
        ("morty", &["editor"]),
        ("summer", &["editor"]),
        ("beth", &["viewer"]),
        ("jerry", &["viewer"]),
    ];
    let mut entities: Vec<Json> = users
        .iter()
        .map(|(id, roles)| json!({"uid": {"type": "user", "id": id}, "attrs": {"roles": roles}, "parents": []}))
        .collect();
    entities.push(json!({"uid": {"type": "todo", "id": "todo-1"}, "attrs": {}, "parents": []}));
    let settings = "development = true\n[authzen]\ntrust_properties = true";
    let router = over(schema, policies, &json!(entities), settings).router();
    for (id, roles) in users {
        let creates = !roles.contains(&"viewer");
        let owner = if id == "morty" { "morty@the-citadel.com" } else { "summer@the-smiths.com" };
        let own = json!({"type": "todo", "id": "7240d0db", "properties": {"ownerID": owner}});
        let others =
            json!({"type": "todo", "id": "8240d0db", "properties": {"ownerID": "rick@the-citadel.com"}});
        let list = json!({"type": "todo", "id": "todo-1"});
        let beth = json!({"type": "user", "id": "beth", "properties": {"userID": "beth@the-smiths.com"}});
        let all = [
            ("can_read_user", beth, true),
            ("can_read_todos", list.clone(), true),
            ("can_create_todo", list, creates),
            ("can_update_todo", own.clone(), creates),
            ("can_delete_todo", own, creates),
            ("can_update_todo", others.clone(), id == "rick"),
            ("can_delete_todo", others, id == "rick"),
        ];
        let evaluations: Vec<Json> = all
            .iter()
            .map(|(action, resource, _)| json!({"action": {"name": action}, "resource": resource}))
            .collect();
        let request = json!({"subject": {"type": "user", "id": id}, "evaluations": evaluations});
        let answer = ok(&router, "/access/v1/evaluations", &request).await;
        for (at, (action, resource, expected)) in all.iter().enumerate() {
            assert_eq!(answer["evaluations"][at]["decision"], json!(expected), "{id} {action} {resource}");
        }
    }
}
