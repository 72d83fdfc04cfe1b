//! What tests need and no user: ways to make the engine stop, and core's own laws on this platform.

use std::hint::black_box;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::refusal::Refusal;

/// Stops the engine: by a panic, by filling its stack, or by asking for more memory than there is.
#[wasm_bindgen]
#[expect(clippy::panic, reason = "a test asks for it")]
pub fn stop(how: &str) -> usize {
    match how {
        "panic" => panic!("told to"),
        "stack" => sink(usize::MAX),
        _ => {
            let mut all = Vec::new();
            loop {
                all.push(black_box(vec![1_u8; 1 << 28]));
            }
        }
    }
}

/// Calls itself with a kilobyte of the stack each time.
fn sink(depth: usize) -> usize {
    let space = black_box([depth; 128]);
    if depth == 0 { 0 } else { sink(depth - 1) + space.iter().filter(|&&word| word == 0).count() }
}

/// Runs a fuzz target of core on some bytes: it panics where something is wrong.
#[wasm_bindgen]
pub fn run_target(name: &str, data: &[u8]) -> Result<(), Refusal> {
    let found = caseward::testing::targets::ALL.into_iter().find(|(known, _)| *known == name);
    let (_, target) = found.ok_or_else(|| Refusal::call("no such target"))?;
    target(data);
    Ok(())
}

/// The names of the targets, a line each.
#[wasm_bindgen]
pub fn targets() -> String {
    caseward::testing::targets::ALL.map(|(name, _)| name).join("\n")
}

/// `len` bytes that follow from a seed.
#[wasm_bindgen]
pub fn bytes(seed: u64, len: usize) -> Vec<u8> {
    caseward::testing::bytes(seed, len)
}
