//! The program says what its twins in Python and JavaScript say: `said.txt`.

use std::process::Command;

#[test]
fn it_says_what_its_twins_say() {
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart")).output().unwrap();
    let expected = include_str!("../said.txt");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
