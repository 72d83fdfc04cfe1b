//! Every kind of error reaches every binding: each maps the kinds by a `match`, and what JavaScript is told is listed.

use std::path::Path;

use caseward::ErrorKind;

#[test]
fn every_kind_is_listed_for_javascript() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings/wasm");
    let Ok(types) = std::fs::read_to_string(folder.join("types/errors.d.ts")) else {
        println!("SKIPPED: no folder `bindings/wasm` beside the crate");
        return;
    };
    let list = types.split_once("export type ErrorKind =").unwrap().1.split(';').next().unwrap();
    let refusal = std::fs::read_to_string(folder.join("src/refusal.rs")).unwrap();
    for kind in ErrorKind::ALL {
        let arm = format!("ErrorKind::{kind:?} => \"");
        let (_, rest) = refusal.split_once(&arm).unwrap_or_else(|| panic!("{arm} is not in `refusal.rs`"));
        let name = rest.split('"').next().unwrap();
        assert_eq!(name, format!("{kind:?}").to_lowercase());
        assert!(list.contains(&format!("| '{name}'")), "`{name}` is not in `types/errors.d.ts`");
    }
}
