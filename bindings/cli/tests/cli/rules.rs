//! Verbs about the rules as a whole: `matrix` and `demo`.

use crate::support::Bench;

#[test]
fn matrix_is_compared_with_a_file() {
    let bench = Bench::new();
    let text = bench.run(["matrix"]).ends(0).out.clone();
    assert!(text.contains("viewSummary") && text.contains('✔') && text.contains('✘'));
    bench.write("matrix.out", &text);
    assert_eq!(bench.run(["matrix", "--check", "matrix.out"]).ends(0).out, "");
    assert_eq!(bench.run_with(&text, ["matrix", "--check", "-"]).ends(0).out, "");

    bench.write("matrix.out", text.replacen('✔', "✘", 1));
    let differs = bench.run(["matrix", "--check", "matrix.out"]);
    differs.fails(4, "matrix.out");
    // As for the page of rules.
    bench.run(["docs", "--check", "matrix.out"]).fails(4, "matrix.out");
    let changed: Vec<char> = differs.out.lines().skip(2).filter_map(|line| line.chars().next()).collect();
    assert_eq!(changed.iter().filter(|c| **c == '-').count(), 1, "{}", differs.out);
    assert_eq!(changed.iter().filter(|c| **c == '+').count(), 1, "{}", differs.out);

    assert!(bench.run(["matrix", "--format", "json"]).ends(0).json().is_object());
    bench.run(["matrix", "--check", "none.out"]).fails(1, "none.out");
    bench.run(["matrix", "--check", "."]).fails(1, "folder");
    bench.write("bytes", b"\xff");
    bench.run(["matrix", "--check", "bytes"]).fails(1, "utf-8");
    bench.run(["matrix", "--schema", "x"]).fails(64, "--policies");
}

#[test]
fn matrix_follows_the_policies() {
    let bench = Bench::new();
    bench.write(
        "p/schema.cedarschema",
        "entity User; action read appliesTo { principal: User, resource: User };",
    );
    // Another schema than that of attendance has no roles to ask for.
    let ran = bench.run(["matrix", "--policies", "p"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(ran.out, "");
}

#[test]
fn demo_tells_the_same_story_again() {
    let bench = Bench::new();
    let story = bench.run(["demo"]).ends(0).out.clone();
    assert!(!story.is_empty());
    assert_eq!(bench.run(["demo"]).ends(0).out, story);
    bench.run(["demo", "again"]).fails(64, "again");
}
