//! The worked story in `examples/story`: every command in it prints what stands there.

use crate::support::{Bench, NOW};

const STORY: &str = include_str!("../../../../examples/story/README.md");

/// A command of the story, and what it prints there.
struct Step<'a> {
    command: &'a str,
    prints: Vec<&'a str>,
}

fn steps() -> Vec<Step<'static>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut inside = false;
    for line in STORY.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match (line.strip_prefix("$ caseward "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command, prints: Vec::new() }),
                (None, Some(step)) => step.prints.push(line),
                (None, None) => panic!("`{line}` is printed by no command"),
            },
        }
    }
    steps
}

/// The words of a command; quotes as in a shell, of one kind.
fn words(command: &str) -> Vec<&str> {
    let parts = command.split('\'').enumerate();
    let words = parts.flat_map(|(at, part)| match at % 2 {
        1 => vec![part],
        _ => part.split_whitespace().collect(),
    });
    words.collect()
}

/// Whether lines are as they should be; `…` stands for any number of them.
fn matches(lines: &[&str], expected: &[&str]) -> bool {
    match expected {
        [] => lines.is_empty(),
        ["…", rest @ ..] => (0..=lines.len()).any(|skipped| matches(&lines[skipped..], rest)),
        [first, rest @ ..] => {
            lines.split_first().is_some_and(|(line, others)| line == first && matches(others, rest))
        }
    }
}

#[test]
fn every_command_of_the_story_prints_what_it_says() {
    let bench = Bench::new();
    let steps = steps();
    assert!(steps.len() >= 15);
    for Step { command, prints } in &steps {
        let (command, file) = command.split_once(" > ").map_or((*command, None), |(c, file)| (c, Some(file)));
        let mut words = words(command);
        if words[0] != "demo" {
            words.extend(["--now", NOW]);
        }
        let ran = bench.run(words);
        let denied = ran.out.starts_with("deny");
        assert_eq!((ran.code, ran.err.as_str()), (if denied { 2 } else { 0 }, ""), "{command}\n{}", ran.out);
        if let Some(file) = file {
            bench.write(file, &ran.out);
            continue;
        }
        let lines: Vec<&str> = ran.out.lines().collect();
        assert!(matches(&lines, prints), "{command}\nprints\n{}\ninstead of\n{}", ran.out, prints.join("\n"));
    }
}
