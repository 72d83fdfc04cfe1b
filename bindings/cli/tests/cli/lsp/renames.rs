//! New names, and every place that has them.

use serde_json::{Value, json};

use super::client::{Client, behind, edited};
use super::{CASES, POLICY, SCHEMA, small};

/// The edits of an answer by file, made in the files; and the files that get another name.
fn make(client: &Client, answer: &Value) -> Vec<(String, String)> {
    let name =
        |uri: &Value| uri.as_str().unwrap().strip_prefix(&format!("{}/", client.uri(""))).unwrap().to_owned();
    let mut renamed = Vec::new();
    for change in answer["documentChanges"].as_array().unwrap() {
        if change["kind"] == "rename" {
            let (from, to) = (name(&change["oldUri"]), name(&change["newUri"]));
            std::fs::rename(client.root.join(&from), client.root.join(&to)).unwrap();
            renamed.push((from, to));
            continue;
        }
        let path = client.root.join(name(&change["textDocument"]["uri"]));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, edited(&text, &change["edits"])).unwrap();
    }
    renamed
}

#[test]
fn a_policy_is_renamed_with_every_case_that_names_it() {
    let (bench, root) = small();
    let can = json!({ "workspace": { "workspaceEdit": { "documentChanges": true, "resourceOperations": ["rename"] } } });
    let mut client = Client::open_with(&root, can);
    client.show_saved("school/S1.cedar");
    let at = behind(POLICY, "@id(\"school");
    let asked = client.at("prepareRename", "school/S1.cedar", at, json!({}));
    assert_eq!(asked["placeholder"], "school.S1");
    let answer = client.at("rename", "school/S1.cedar", at, json!({ "newName": "school.S1-lead" }));
    assert_eq!(make(&client, &answer), [("school/S1.cedar".to_owned(), "school/S1-lead.cedar".to_owned())]);
    bench.run(["test", "--policies", "p", "--quiet"]).ends(0);
    let cases = bench.read("p/tests/cases.toml");
    assert_eq!(cases.matches("\"school.S1-lead\"").count(), 2, "{cases}");

    for (name, why) in [
        ("invariants.1", "is taken"),
        ("invariants.9", "would be something else"),
        ("school.", "is no id of a policy"),
        ("tests.x", "cannot stand there"),
    ] {
        let uri = client.uri("school/S1.cedar");
        let answer = client.asked(
            "textDocument/rename",
            json!({ "textDocument": { "uri": uri }, "position": { "line": at.0, "character": at.1 }, "newName": name }),
        );
        assert!(answer["error"]["message"].as_str().unwrap_or_default().contains(why), "{name}: {answer}");
    }
    assert_eq!(client.close(), 0);
}

#[test]
fn a_condition_is_renamed_wherever_it_is_one() {
    let (bench, root) = small();
    let can = json!({ "workspace": { "workspaceEdit": { "documentChanges": true } } });
    let mut client = Client::open_with(&root, can);
    client.show_saved("school/S1.cedar");
    let answer = client.at(
        "rename",
        "school/S1.cedar",
        behind(POLICY, "// leads"),
        json!({ "newName": "lead of the kura, ā" }),
    );
    assert_eq!(make(&client, &answer), []);
    bench.run(["test", "--policies", "p", "--quiet"]).ends(0);
    assert!(bench.read("p/tests/cases.toml").contains("\"school.S1\" = \"lead of the kura, ā\""));
    // A file of its own name has to be renamed: this editor does not do that.
    let uri = client.uri("school/S1.cedar");
    let answer = client.asked(
        "textDocument/rename",
        json!({ "textDocument": { "uri": uri }, "position": { "line": 0, "character": 8 }, "newName": "school.S9" }),
    );
    assert!(
        answer["error"]["message"].as_str().unwrap_or_default().contains("rename the file yourself"),
        "{answer}"
    );
    assert_eq!(client.close(), 0);
}

#[test]
fn an_entity_is_renamed_wherever_a_case_names_it() {
    let (bench, root) = small();
    let schema =
        SCHEMA.replace("type Call = { now: datetime };", "type Call = { now: datetime, by?: User };");
    bench.write("p/schema.cedarschema", schema);
    let cases = format!("{CASES}context = {{ by = \"mere\" }}\n");
    bench.write("p/tests/cases.toml", &cases);
    let can = json!({ "workspace": { "workspaceEdit": { "documentChanges": true } } });
    let mut client = Client::open_with(&root, can);
    client.show_saved("tests/cases.toml");
    let at = behind(&cases, "[world.User.me");
    for (name, why) in [("hana", "is taken"), ("māra", "letters a to z"), ("a.b", "letters a to z")] {
        let uri = client.uri("tests/cases.toml");
        let answer = client.asked(
            "textDocument/rename",
            json!({ "textDocument": { "uri": uri }, "position": { "line": at.0, "character": at.1 }, "newName": name }),
        );
        assert!(answer["error"]["message"].as_str().unwrap_or_default().contains(why), "{name}: {answer}");
    }
    let answer = client.at("rename", "tests/cases.toml", at, json!({ "newName": "moana" }));
    make(&client, &answer);
    bench.run(["test", "--policies", "p", "--quiet"]).ends(0);
    let after = bench.read("p/tests/cases.toml");
    assert!(!after.contains("mere") && after.contains("by = \"moana\""), "{after}");
    assert_eq!(client.close(), 0);
}

/// What changed on the disk, and no editor told of, is edited as it stands.
#[test]
fn a_renaming_goes_by_what_stands_on_the_disk() {
    let (bench, root) = small();
    let can = json!({ "workspace": { "workspaceEdit": { "documentChanges": true } } });
    let mut client = Client::open_with(&root, can);
    client.show_saved("school/S1.cedar");
    bench.write("p/tests/cases.toml", format!("# A line on top.\n{CASES}"));
    let at = behind(POLICY, "// leads");
    let answer = client.at("rename", "school/S1.cedar", at, json!({ "newName": "lead of the kura" }));
    make(&client, &answer);
    bench.run(["test", "--policies", "p", "--quiet"]).ends(0);
    assert!(bench.read("p/tests/cases.toml").contains("\"school.S1\" = \"lead of the kura\""));
    // A name by which another condition goes is taken.
    let uri = client.uri("school/S1.cedar");
    let answer = client.asked(
        "textDocument/rename",
        json!({ "textDocument": { "uri": uri }, "position": { "line": at.0, "character": at.1 }, "newName": "ōpen" }),
    );
    assert!(answer["error"]["message"].as_str().unwrap_or_default().contains("is taken"), "{answer}");
    assert_eq!(client.close(), 0);
}
