//! What holds of the workspace as a whole, read from what Cargo says of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Each package that is built, with the features that are on in it. One that is built for this machine and for the
/// target with other features stands there twice.
fn built(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} {f}"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches("(*)").trim_end().to_owned()).collect()
}

/// The wheel, the command that the parts run and the demo are built by `--workspace`, so that what they share with the
/// tests is built once: Cedar alone takes minutes. A feature that only a crate's own tests ask for would part them.
#[test]
fn the_wheel_and_the_demo_are_built_of_what_the_tests_build() {
    if !root().join("bindings/python/Cargo.toml").exists() {
        println!("SKIPPED: no folder `bindings/python` beside the crate");
        return;
    }
    let tests = built(&["--workspace", "--all-features", "--edges", "normal,build,dev"]);
    let wheel = built(&["--workspace", "--all-features", "--edges", "normal,build"]);
    let twice: Vec<_> = wheel.difference(&tests).collect();
    assert!(twice.is_empty(), "only tests turn on what they do in {twice:#?}: let a dependency turn it on");

    // As in `make demo`: all but what is our own.
    let demo = built(&["--workspace", "--no-default-features", "--edges", "normal,build"]);
    let twice: Vec<_> = demo.difference(&tests).filter(|built| !built.starts_with("caseward")).collect();
    assert!(
        twice.is_empty(),
        "the demo does not turn on what the tests do in {twice:#?}: what an optional crate turns on in others is turned on where that crate is a member"
    );
}
