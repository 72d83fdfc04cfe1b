//! What JavaScript calls: core's types behind handles, its answers as JSON text.
//!
//! Nothing is decided here, and nothing is looked at twice: `js/` holds what a user of the package sees, and turns
//! its values into the texts and numbers that come in here. It is written by hand, so that types, errors and
//! disposal are those of JavaScript.
//!
//! INVARIANT: what goes wrong comes out as a [`Refusal`]. A panic is a bug; it stops the engine, which `js/` then
//! starts anew.
#![cfg(target_family = "wasm")]

mod decider;
mod filter;
mod refusal;
mod sorted;
mod table;
#[cfg(feature = "testing")]
mod testing;
mod texts;
mod visible;
mod ward;
mod watch;
mod world;

use std::panic;
use std::sync::{Mutex, PoisonError};

use caseward::{Source, Ward};
use wasm_bindgen::prelude::wasm_bindgen;

use refusal::{Refusal, json};

/// What the last panic said.
static LAST_WORDS: Mutex<String> = Mutex::new(String::new());

#[wasm_bindgen(start)]
fn start() {
    panic::set_hook(Box::new(|info| {
        *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
    }));
}

/// What the engine said when it stopped; nothing where it did not stop by itself.
#[wasm_bindgen]
pub fn last_words() -> String {
    LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Gives 64 random bits, of which this platform has none by itself.
#[wasm_bindgen]
pub fn stir(random: u64) {
    caseward::World::stir_epochs(random);
}

/// Policy text in Cedar's standard layout.
#[wasm_bindgen]
pub fn format(name: &str, text: &str) -> Result<String, Refusal> {
    Ok(caseward::format(&Source::new(name, text))?)
}

/// Every problem of a schema and policies, warnings too, as JSON.
#[wasm_bindgen]
pub fn diagnose(sources: &str) -> Result<String, Refusal> {
    match Ward::new(&texts::sources(sources)?) {
        Ok(ward) => json(ward.warnings()),
        Err(error) if error.is_policies() => json(error.problems()),
        Err(error) => Err(error.into()),
    }
}
