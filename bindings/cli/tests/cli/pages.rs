//! The pages of the store for people: every command of theirs is run, in order, and prints what stands under it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Bench;

const GUIDE: &str = include_str!("../../../../core/store/GUIDE.md");
const OPERATIONS: &str = include_str!("../../../../core/store/OPERATIONS.md");
const README: &str = include_str!("../../../../core/store/README.md");
const MODEL: &str = include_str!("../../../../core/store/MODEL.md");

/// A page: its files by their names, and its commands, each with what stands under it.
struct Page {
    files: Vec<(String, String)>,
    commands: Vec<(String, String)>,
}

/// A file is a block after a line that begins with its name.
fn read(text: &str) -> Page {
    let mut page = Page { files: Vec::new(), commands: Vec::new() };
    let (mut named, mut inside): (Option<String>, Option<&str>) = (None, None);
    for line in text.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(_), Some(_)) => inside = None,
            (Some(kind), None) => {
                inside = Some(kind);
                if let Some(name) = named.take().filter(|_| kind != "console") {
                    page.files.push((name, String::new()));
                }
            }
            (None, Some("console")) => match line.strip_prefix("$ ") {
                Some(command) => page.commands.push((command.to_owned(), String::new())),
                None => page.commands.last_mut().unwrap().1.push_str(&format!("{line}\n")),
            },
            (None, Some(_)) => {
                if let Some((_, text)) = page.files.last_mut() {
                    text.push_str(&format!("{line}\n"));
                }
            }
            (None, None) if !line.is_empty() => {
                let name = line.strip_prefix('`').and_then(|rest| rest.split('`').next());
                named = name.filter(|name| name.contains('.')).map(str::to_owned);
            }
            (None, None) => {}
        }
    }
    page
}

/// Whether a text is what is expected; `…` stands for anything.
fn is_as(text: &str, expected: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some(at) = rest.find(before) else { return false };
            rest = &rest[at + before.len()..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

/// Runs commands in one shell's folder, each of which succeeds; what sets a variable is kept for those that follow. `check` is told
/// each command, what it printed, and what stands under it.
fn run(bench: &Bench, page: &Page, check: &dyn Fn(&str, &str, &str)) {
    for (name, text) in &page.files {
        bench.write(name, text);
    }
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let link = bench.path("policies");
    if !link.exists() {
        std::os::unix::fs::symlink(policies.canonicalize().unwrap(), link).unwrap();
    }
    let folder = Path::new(env!("CARGO_BIN_EXE_caseward")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut prelude = String::new();
    for (command, expected) in &page.commands {
        let is_setting =
            command.split_once('=').is_some_and(|(name, _)| name.chars().all(char::is_alphanumeric));
        if is_setting {
            prelude += &format!("{command}\n");
            continue;
        }
        let mut shell = Command::new("sh");
        let text = format!("{prelude}{}", command.replace("--for 60s", "--for 1s"));
        shell.args(["-c", &text]).current_dir(bench.path("")).env("PATH", &path).stdin(Stdio::null());
        let ran = shell.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{command}\n{out}{err}");
        check(command, &out, expected);
    }
}

fn is_as_the_page_says(command: &str, out: &str, expected: &str) {
    assert!(is_as(out, expected), "{command}\nprinted:\n{out}\nthe page says:\n{expected}");
}

fn shows_everything(command: &str, out: &str, expected: &str) {
    assert!(!out.contains("is not there, or not to be seen"), "{command}\n{out}");
    if !expected.is_empty() {
        is_as_the_page_says(command, out, expected);
    }
}

#[test]
fn the_page_of_the_store_runs_from_nothing() {
    let page = read(README);
    assert!(page.commands.len() >= 20 && page.files.len() >= 6);
    run(&Bench::new(), &page, &shows_everything);
}

#[test]
fn the_guide_prints_what_it_says() {
    let page = read(GUIDE);
    assert!(page.files.len() >= 10 && page.commands.len() >= 20);
    run(&Bench::new(), &page, &is_as_the_page_says);
}

#[test]
fn operations_print_what_their_page_says() {
    let bench = Bench::new();
    // It says itself where it begins.
    let case = README.split("## One case\n").nth(1).unwrap().split("\n## ").next().unwrap();
    run(&bench, &read(case), &shows_everything);
    let page = read(OPERATIONS);
    assert!(page.commands.len() >= 15);
    run(&bench, &page, &is_as_the_page_says);
}

/// `caseward tables --dialect sqlite --format mermaid` writes it.
#[test]
fn the_picture_of_the_data_is_of_the_schema() {
    let bench = Bench::new();
    let ran = bench.run(["tables", "--dialect", "sqlite", "--format", "mermaid"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let shown = MODEL.split("```mermaid\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(shown, ran.out, "write it anew: {}", "caseward tables --dialect sqlite --format mermaid");
    for (what, line) in [
        ("a reference", "  Case }o--|| Student : \"student\"\n"),
        ("one that may be absent", "  Case }o--o| Provider : \"provider\"\n"),
        ("a set", "  Case }o--o{ User : \"team\"\n"),
        ("a choice", "    choice privacy\n"),
        ("a value", "    String nsn\n"),
        ("one that may be absent", "    Long yearLevel \"optional\"\n"),
    ] {
        assert!(ran.out.contains(line), "{what}: {}", ran.out);
    }
    bench
        .run(["tables", "--dialect", "sqlite", "--format", "mermaid", "--entities", "world.json"])
        .fails(64, "--entities");
}

/// Names that Mermaid does not take are written otherwise.
#[test]
fn a_picture_is_drawn_of_any_schema() {
    let bench = Bench::new();
    bench.write("p/schema.cedarschema", "namespace A {\n  entity B in [C] = { \"it is\": Set<Set<Long>>, \"9\"?: { x: Long }, when: datetime };\n  entity C enum [\"a b\", \"1\"];\n  entity D;\n  action go appliesTo { principal: [D], resource: [B] };\n}\n".replace("in [C] ", "in [D] "));
    bench.write(
        "p/x.cedar",
        "@id(\"x\")\n@rule(\"X\")\n@description(\"x\")\npermit (principal, action, resource);\n",
    );
    let ran = bench.run(["tables", "--policies", "p", "--dialect", "sqlite", "--format", "mermaid"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (
            0,
            "erDiagram\n  \"A::B\" {\n    Record x9 \"optional\"\n    Long[][] it_is\n    datetime when\n  }\n  \"A::C\" {\n    choice a_b\n    choice x1\n  }\n  \"A::D\" {\n  }\n  \"A::B\" }o--o{ \"A::D\" : in\n"
        ),
        "{}",
        ran.err
    );
}

#[test]
fn a_text_is_compared_with_gaps() {
    for (text, expected, is) in [
        ("abc", "abc", true),
        ("abc", "a…c", true),
        ("abc", "…", true),
        ("abc", "a…b", false),
        ("a b c", "a …c", true),
        ("abab", "…ab", true),
        ("abx", "ab", false),
        ("one two three", "one…two…three", true),
        ("one three", "one…two…three", false),
    ] {
        assert_eq!(is_as(text, expected), is, "{text} {expected}");
    }
}
