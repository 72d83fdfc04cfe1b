//! How soon answers come on the project's own policies.

use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Client, behind};
use super::{has, ours};

/// What is promised of a build that is optimised.
const PROMISED: Duration = Duration::from_millis(50);

/// The middle one of several times.
fn middle(mut ask: impl FnMut(usize)) -> Duration {
    let mut times: Vec<Duration> = (0..9)
        .map(|n| {
            let started = Instant::now();
            ask(n);
            started.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

#[test]
fn answers_on_our_own_policies_come_at_once() {
    let can = json!({ "workspace": { "codeLens": { "refreshSupport": true } } });
    let mut client = Client::open_with(&ours(), can);
    let file = "items/I3.cedar";
    let text = client.show_saved(file);
    // All that is looked at in the background was looked at.
    client.wait("word that all cases were run", |message| message["method"] == "workspace/codeLens/refresh");
    let path = behind(&text, "resource.case.student");
    let mut times = Vec::new();
    for (method, place, more) in [
        ("completion", behind(&text, "resource.case."), json!({})),
        ("hover", path, json!({})),
        ("definition", path, json!({})),
        ("references", path, json!({ "context": { "includeDeclaration": true } })),
        ("prepareRename", behind(&text, "@id(\"items"), json!({})),
        ("rename", behind(&text, "// closed"), json!({ "newName": "ended" })),
        ("formatting", (0, 0), json!({ "options": { "tabSize": 2, "insertSpaces": true } })),
        ("codeLens", (0, 0), json!({})),
        (
            "codeAction",
            (0, 0),
            json!({ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 9, "character": 0 } }, "context": { "diagnostics": [] } }),
        ),
    ] {
        let time = middle(|_| {
            client.at(method, file, place, more.clone());
        });
        times.push((method, time));
    }
    let mut version = 1;
    let keystroke = middle(|n| {
        version += 1;
        let name = format!("statis{}", "s".repeat(n));
        client.change(file, version, &text.replace("case.status", &format!("case.{name}")));
        client.problems(file, |all| has(all, &name));
    });
    times.push(("a keystroke to diagnostics", keystroke));
    // The largest file of cases, while somebody writes one more.
    let cases = "tests/cases/requests.toml";
    let text = client.show_saved(cases) + "\n[[case]]\naction = \"";
    let end = (text.matches('\n').count(), "action = \"".len());
    let completed = middle(|n| {
        client.change(cases, 2 + i32::try_from(n).unwrap(), &text);
        assert!(client.labels(cases, end).contains(&"viewRequest".to_owned()));
    });
    times.push(("a keystroke in cases to completion", completed));
    for (what, time) in &times {
        println!("{what}: {time:.1?}");
    }
    // Ours may not be optimised, and other tests run beside it.
    for (what, time) in times {
        assert!(time < PROMISED * 20, "{what} took {time:?}");
    }
    assert_eq!(client.close(), 0);
}
