//! What is shipped carries nothing that only tests need.

use std::path::Path;
use std::process::Command;

/// The packages that a package is built of, each in a line.
fn built(package: &str, arguments: &[&str]) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if !root.join("bindings").is_dir() {
        println!("SKIPPED: no folder `bindings` beside the crate");
        return None;
    }
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--edges", "normal,build", "-p", package])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_command_and_the_prover_carry_no_property_tests() {
    for (package, features) in [
        ("caseward-cli", &["--no-default-features"][..]),
        ("caseward-cli", &["--features", "prove"]),
        ("caseward-prove", &[]),
        ("caseward-python", &[]),
    ] {
        let Some(built) = built(package, features) else { return };
        assert!(built.contains("caseward v"), "{package}: {built}");
        assert!(!built.contains("proptest"), "{package} {features:?} carries proptest");
    }
}
