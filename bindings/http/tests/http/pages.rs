//! The page of the crate: every `curl` on it is asked, and what is printed below it is what is answered. `…` stands for whatever
//! changes from run to run.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use caseward_http::{Service, Settings, demo_store};
use serde_json::Value as Json;

use crate::support::{ask, folder};

/// The words of a line, as a shell would have them: single quotes alone.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words
}

async fn curl(router: &Router, line: &str) -> Json {
    let mut words = words(line).into_iter().skip(1);
    let (mut headers, mut body, mut path) = (Vec::new(), None, String::new());
    while let Some(word) = words.next() {
        match word.as_str() {
            "-s" => {}
            "-H" => headers.push(words.next().unwrap()),
            "-d" => body = words.next(),
            url => path = url.strip_prefix("localhost:8180").expect("our address").to_owned(),
        }
    }
    let mut request = Request::builder().uri(path).method(if body.is_some() { "POST" } else { "GET" });
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    ask(router, request.body(Body::from(body.unwrap_or_default())).unwrap()).await.json()
}

/// Whether an answer is as the page has it.
fn is_as(page: &Json, answer: &Json) -> bool {
    match (page, answer) {
        (Json::String(any), _) if any == "…" => true,
        (Json::Object(page), Json::Object(answer)) => {
            page.len() == answer.len()
                && page.iter().all(|(name, of)| answer.get(name).is_some_and(|answer| is_as(of, answer)))
        }
        (Json::Array(page), Json::Array(answer)) => {
            page.len() == answer.len() && page.iter().zip(answer).all(|(page, answer)| is_as(page, answer))
        }
        _ => page == answer,
    }
}

#[tokio::test]
async fn the_page_is_what_is_answered() {
    let store = demo_store(&folder().join("cases.db")).unwrap();
    let router =
        Service::over_store(store, Settings::read("development = true", []).unwrap()).unwrap().router();
    let page = include_str!("../../README.md");
    let mut lines = page.lines();
    let (mut count, mut wrong) = (0, String::new());
    while let Some(line) = lines.next() {
        let Some(line) = line.strip_prefix("$ curl ") else { continue };
        let shown = lines.next().unwrap();
        let expected: Json = serde_json::from_str(shown).unwrap_or_else(|error| panic!("{error}: {shown}"));
        let answer = curl(&router, &format!("curl {line}")).await;
        if !is_as(&expected, &answer) {
            wrong.push_str(&format!("$ curl {line}\n{answer}\n"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 18, "{count} examples");
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let is_built = |block: &&str| !block.starts_with("[traces]") || cfg!(feature = "otel");
    let settings: Vec<_> =
        blocks.filter(|block| !block.starts_with("[[certificate]]")).filter(is_built).collect();
    settings
        .iter()
        .for_each(|block| drop(Settings::read(block, []).unwrap_or_else(|error| panic!("{error}: {block}"))));
    assert_eq!(settings.len(), 2 + usize::from(cfg!(feature = "otel")));
    // Every route has an example, or stands in the table.
    let all: Json = serde_json::from_str(&Service::openapi()).unwrap();
    for path in all["paths"].as_object().unwrap().keys() {
        let last = path.rsplit('/').find(|part| !part.starts_with('{')).unwrap();
        assert!(page.contains(last), "{path}");
    }
}
