//! `check --requests`: a request a line, an answer a line.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Bench, NOW, request, world};

const U1: &str = r#"User::"u1""#;
const VIEW: &str = r#"Action::"viewSummary""#;
const C1: &str = r#"Case::"c1""#;

fn good() -> String {
    request(U1, VIEW, C1, json!({}))
}

/// Asserts that the answer fails closed and says why in words that hold `why`.
#[track_caller]
fn refused(answer: &Value, why: &str) {
    assert_eq!(answer["decision"], "deny");
    assert_eq!((&answer["policies"], &answer["rules"]), (&json!([]), &json!([])));
    assert_eq!(answer["policy_hash"].as_str().unwrap().len(), 64);
    let errors = answer["errors"].as_array().unwrap();
    assert!(errors.len() == 1 && errors[0].as_str().unwrap().contains(why), "`{why}` is not in {errors:?}");
}

#[test]
fn answers_every_line_in_order() {
    let bench = Bench::new();
    let lines = [
        good(),
        request(r#"User::"u2""#, VIEW, C1, json!({})),
        request(U1, "viewSummary", r#"Case::"c2""#, json!({})),
        request(U1, r#"Action::"uploadFile""#, C1, json!({"sizeBytes": 5})),
        request(r#"User::"nobody""#, VIEW, C1, json!({})),
        format!(r#"{{"principal": "User::\"u1\"", "action": "viewSummary", "resource": {}}}"#, json!(C1)),
    ];
    let ran = bench.batch(lines.concat());
    let answers = ran.ends(0).json_lines();
    let decisions: Vec<_> = answers.iter().map(|answer| answer["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["allow", "deny", "deny", "allow", "deny", "allow"]);
    assert_eq!(answers[0]["policies"], json!(["school.S1"]));
    assert_eq!(answers[0]["rules"], json!(["S1"]));
    assert_eq!(answers[0]["now"], "2026-05-10T21:00:00.000Z");
    assert_eq!(answers[1]["policies"], json!(["gates.G1"]));
    assert_eq!(answers[4]["errors"], json!([r#"User::"nobody" is not in the data"#]));
    let hashes: Vec<_> = answers.iter().map(|answer| &answer["policy_hash"]).collect();
    assert!(hashes.iter().all(|hash| *hash == hashes[0]));
}

#[test]
fn a_line_says_its_time_where_the_command_says_none() {
    let bench = Bench::new();
    let line = request(U1, VIEW, C1, json!({"now": "2026-05-11T00:00:00Z"}));
    bench.write("requests.jsonl", &line);
    let own = ["check", "--entities", "world.json", "--requests", "requests.jsonl", "--format", "json"];
    let answers = bench.run(own).ends(0).json_lines();
    assert_eq!(
        (&answers[0]["decision"], &answers[0]["now"]),
        (&json!("allow"), &json!("2026-05-11T00:00:00.000Z"))
    );
    // Lines may be written by whoever asks: they do not say another time than who runs the command.
    let ran = bench.batch(format!("{line}{}", good()));
    let answers = ran.fails(1, "`now` is in the context, and given by --now").json_lines();
    refused(&answers[0], "`now` is in the context");
    assert_eq!(answers[1]["decision"], "allow");
}

#[test]
fn a_line_that_cannot_be_read_is_denied_and_the_rest_goes_on() {
    let unclosed = r#"{"principal": "#;
    let deep = format!("{}{}", r#"{"context": "#, "[".repeat(200_000));
    let unknown_field =
        r#"{"principal":"User::\"u1\"","action":"viewSummary","resource":"Case::\"c1\"","who":1}"#;
    let huge = format!("\"{}\"", "x".repeat(3 << 20));
    for (bad, why) in [
        (unclosed.as_bytes(), "not a request in JSON"),
        (b"[]", "not a request in JSON"),
        (b"null", "not a request in JSON"),
        (b"\xff\xfe{}", "utf-8"),
        (deep.as_bytes(), "not a request in JSON"),
        (unknown_field.as_bytes(), "who"),
        (b"{}", "principal"),
        (huge.as_bytes(), "more than 1048576 bytes"),
        (b"", "blank"),
        (b" \t\r", "blank"),
        (request("u1", VIEW, C1, json!({})).trim_end().as_bytes(), "`u1`"),
        (request(U1, "viewAll", C1, json!({})).trim_end().as_bytes(), "viewAll"),
        (request(U1, VIEW, C1, json!([])).trim_end().as_bytes(), "context"),
        (request(U1, VIEW, C1, json!({"colour": 1})).trim_end().as_bytes(), "colour"),
        (request(U1, VIEW, C1, json!({"now": 1})).trim_end().as_bytes(), "context"),
        (request(U1, r#"Action::"uploadFile""#, C1, json!({})).trim_end().as_bytes(), "sizeBytes"),
        (request(U1, VIEW, r#"School::"s1""#, json!({})).trim_end().as_bytes(), "School"),
        (request(C1, VIEW, C1, json!({})).trim_end().as_bytes(), "Case"),
    ] {
        let bench = Bench::new();
        let lines = [good().as_bytes(), bad, b"\n", good().as_bytes()].concat();
        let ran = bench.batch(lines);
        ran.fails(1, "1 request could not be read and was denied; the first, line 2: ");
        let answers = ran.json_lines();
        assert_eq!(answers.len(), 3, "{why}");
        assert_eq!((&answers[0]["decision"], &answers[2]["decision"]), (&json!("allow"), &json!("allow")));
        refused(&answers[1], why);
    }
}

#[test]
fn a_line_of_the_greatest_length_is_read() {
    let bench = Bench::new();
    let line = good();
    let padded = |len: usize| format!("{}{}\n", line.trim_end(), " ".repeat(len - line.trim_end().len()));
    let answers = bench.batch(padded(1 << 20)).ends(0).json_lines();
    assert_eq!(answers[0]["decision"], "allow");
    let ran = bench.batch(padded((1 << 20) + 1));
    refused(&ran.fails(1, "line 1").json_lines()[0], "more than 1048576 bytes");
}

#[test]
fn blank_lines_at_the_end_are_no_requests() {
    let bench = Bench::new();
    assert_eq!(bench.batch("").ends(0).out, "");
    assert_eq!(bench.batch("\n \n\t\r\n").ends(0).out, "");
    assert_eq!(bench.batch(format!("{}\n\r\n  \n", good())).ends(0).json_lines().len(), 1);
    assert_eq!(bench.batch(good().trim_end()).ends(0).json_lines().len(), 1, "no line end at the end");
    let windows = good().replace('\n', "\r\n").repeat(2);
    assert_eq!(bench.batch(windows).ends(0).json_lines().len(), 2);
    let ran = bench.batch(format!("{}\n\n{}\n", good(), good()));
    let answers =
        ran.fails(1, "2 requests could not be read and were denied; the first, line 2").json_lines();
    assert_eq!(answers.len(), 4);
    refused(&answers[2], "blank");
}

#[test]
fn text_is_a_line_each_too() {
    let bench = Bench::new();
    bench.write("r", format!("{}{}x\n", good(), request(U1, VIEW, r#"Case::"c2""#, json!({}))));
    let ran = bench.ask("check", &["--requests", "r"]);
    ran.fails(1, "line 3");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[..2], ["allow  school.S1", "deny"]);
    assert!(lines[2].starts_with("deny  not a request in JSON"), "{}", lines[2]);
}

#[test]
fn either_comes_from_standard_input_but_not_both() {
    let bench = Bench::new();
    let args = ["check", "--entities", "world.json", "--requests", "-", "--now", NOW, "--format", "json"];
    assert_eq!(bench.run_with(good(), args).ends(0).json_lines().len(), 1);
    bench.write("requests.jsonl", good());
    let args = ["check", "--entities", "-", "--requests", "requests.jsonl", "--now", NOW];
    assert_eq!(bench.run_with(world().to_string(), args).ends(0).out, "allow  school.S1\n");
    bench.run(["check", "--entities", "-", "--requests", "-"]).fails(64, "standard input");
}

#[test]
fn an_answer_comes_before_the_next_question() {
    let bench = Bench::new();
    let mut command = bench.command();
    command.args(["check", "--entities", "world.json", "--requests", "-", "--now", NOW, "--format", "json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut questions, mut answers) =
        (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for _ in 0..3 {
        questions.write_all(good().as_bytes()).unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert!(answer.starts_with(r#"{"decision":"allow""#), "{answer}");
    }
    drop(questions);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_leaves_ends_the_batch_quietly() {
    let bench = Bench::new();
    // More answers than a pipe holds.
    bench.write("requests.jsonl", good().repeat(2_000));
    let mut command = bench.command();
    let args =
        ["check", "--quiet", "--entities", "world.json", "--requests", "requests.jsonl", "--format", "json"];
    command.args(args).args(["--now", NOW]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take().unwrap());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(1), ""), "not all were answered");
}
