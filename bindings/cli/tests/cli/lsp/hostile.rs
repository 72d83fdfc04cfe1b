//! What no editor should send, and what no file should be.

use serde_json::{Value, json};

use super::client::{Client, behind};
use super::{CASES, POLICY, SCHEMA, has, no_error, small};

#[test]
fn nothing_is_answered_before_it_is_initialized_or_after_it_was_shut_down() {
    let (_bench, root) = small();
    let mut client = Client::start(&root);
    let answer = client.asked("textDocument/hover", json!({}));
    assert_eq!(answer["error"]["code"], -32002, "{answer}");
    client.tell("textDocument/didOpen", json!({ "textDocument": { "uri": "file:///x.cedar", "languageId": "cedar", "version": 1, "text": "" } }));
    client.ask("initialize", json!({ "capabilities": {} }));
    assert_eq!(client.asked("initialize", json!({ "capabilities": {} }))["error"]["code"], -32600);
    client.ask("shutdown", Value::Null);
    assert_eq!(client.asked("textDocument/hover", json!({}))["error"]["code"], -32600);
    assert_eq!(client.leave(), 0);
}

#[test]
fn an_editor_that_leaves_without_a_word_leaves_no_server_behind() {
    let (_bench, root) = small();
    assert_eq!(Client::open(&root).leave(), 1);
    let mut client = Client::open(&root);
    client.tell("exit", Value::Null);
    assert_eq!(client.leave(), 1);
}

#[test]
fn garbage_is_refused_and_the_next_message_answered() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    client.show_saved("school/S1.cedar");
    for garbage in [
        &b"Content-Length: 3\r\n\r\n{]}"[..],
        b"Content-Length: 2\r\n\r\n\xff\xfe",
        b"Content-Length: 4\r\n\r\nnull",
        b"no head at all\r\n",
        b"\r\n\r\n",
    ] {
        client.raw(garbage);
        let hover = client.at("hover", "school/S1.cedar", behind(POLICY, "resource.status"), json!({}));
        assert!(hover["contents"]["value"].is_string(), "{}", String::from_utf8_lossy(garbage));
    }
    client.wait("word that it was no message", |message| {
        message["error"]["code"] == -32700 && message["id"].is_null()
    });
    for (method, params, code) in [
        ("textDocument/hover", json!({ "textDocument": 7 }), -32602),
        ("textDocument/nothing", json!({}), -32601),
    ] {
        assert_eq!(client.asked(method, params)["error"]["code"], code);
    }
    // Notes that make no sense, and places that there are not.
    client.tell("textDocument/didChange", json!({ "textDocument": [] }));
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": "file:///nowhere" } }));
    let uri = client.uri("school/S1.cedar");
    let far = json!({ "line": u32::MAX, "character": u32::MAX });
    let change = json!([{ "range": { "start": far, "end": { "line": 0, "character": 0 } }, "text": "" }]);
    client.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": change }),
    );
    for method in ["completion", "hover", "definition", "prepareRename", "formatting", "codeLens"] {
        client.at(
            method,
            "school/S1.cedar",
            (usize::MAX >> 33, 9_999_999),
            json!({ "options": { "tabSize": 2, "insertSpaces": true } }),
        );
    }
    assert_eq!(client.close(), 0);
}

#[test]
fn files_of_ten_megabytes_are_refused_in_a_word() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    let large = format!("// {}\n{POLICY}", "x".repeat(10 << 20));
    client.show("school/S1.cedar", &large);
    let found = client.problems("school/S1.cedar", |all| has(all, "more than the"));
    assert_eq!(found.iter().filter(|one| one["severity"] == 1).count(), 1, "{found:?}");
    client.labels("school/S1.cedar", (3, 0));
    client.at(
        "formatting",
        "school/S1.cedar",
        (0, 0),
        json!({ "options": { "tabSize": 2, "insertSpaces": true } }),
    );
    client.show("tests/cases.toml", &format!("# {}\n{CASES}", "x".repeat(10 << 20)));
    client.change("school/S1.cedar", 2, POLICY);
    client.problems("school/S1.cedar", no_error);
    client.problems("tests/cases.toml", |all| has(all, "more than the"));
    assert_eq!(client.close(), 0);
}

#[test]
fn deep_and_odd_texts_end_nothing() {
    let (_bench, root) = small();
    let mut client = Client::open(&root);
    client.show("school/S1.cedar", "");
    let files = [("school/S1.cedar", POLICY), ("tests/cases.toml", CASES), ("schema.cedarschema", SCHEMA)];
    let mut odd = vec![
        "(".repeat(100_000),
        "\"".to_owned(),
        "@@@@".to_owned(),
        "@id(".to_owned(),
        "permit (principal is \u{0}".to_owned(),
        "[[[[{{{{=,=,".repeat(1_000),
        "\u{feff}\u{202e}🙂".to_owned(),
        "when { resource.school.kind.x[\"".to_owned(),
        "\r\r\n\r".to_owned(),
    ];
    for (_, text) in files {
        // Cut wherever it may be cut.
        odd.extend(
            (0..text.len())
                .step_by(97)
                .filter(|at| text.is_char_boundary(*at))
                .map(|at| text[..at].to_owned()),
        );
    }
    let mut version = 1;
    for (name, _) in files {
        client.show(name, "");
        for text in &odd {
            version += 1;
            client.change(name, version, text);
            let end = (text.matches('\n').count(), text.rsplit('\n').next().unwrap().encode_utf16().count());
            client.labels(name, end);
            client.at("hover", name, end, json!({}));
        }
        client.change(name, version + 1, files.iter().find(|(file, _)| *file == name).unwrap().1);
    }
    client.problems("school/S1.cedar", no_error);
    assert_eq!(client.close(), 0);
}

#[test]
fn a_folder_that_is_not_in_order_is_read_as_far_as_it_goes() {
    let (bench, root) = small();
    bench.write("p/school/S2.cedar.bak", "x");
    bench.write("p/school/S3.cedar", [0xff, 0xfe]);
    bench.write("p/Tests/x.toml", "");
    let mut client = Client::open(&root);
    client.problems("school/S2.cedar.bak", |all| has(all, "rename it"));
    client.problems("school/S3.cedar", |all| has(all, "UTF-16"));
    client.show_saved("school/S1.cedar");
    client.problems("school/S1.cedar", no_error);
    assert_eq!(client.close(), 0);
}

#[test]
fn a_policy_that_is_in_no_folder_is_parsed_and_laid_out() {
    let (bench, root) = small();
    bench.write("alone.cedar", "");
    let mut client = Client::open(&root);
    let folder = root.parent().unwrap().to_owned();
    client.root = folder;
    client.show("alone.cedar", "permit (principal, action, resource) when { ;");
    client.problems("alone.cedar", |all| has(all, "unexpected"));
    client.change("alone.cedar", 2, "permit(principal,action,resource);");
    client.problems("alone.cedar", <[Value]>::is_empty);
    let edits = client.at(
        "formatting",
        "alone.cedar",
        (0, 0),
        json!({ "options": { "tabSize": 2, "insertSpaces": true } }),
    );
    assert_eq!(edits.as_array().map(Vec::len), Some(1));
    assert_eq!(client.close(), 0);
}
