//! The folders of `core/src` have ranks: each imports what stands below it, and nothing above.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The lowest first. `ARCHITECTURE.md` says what each is for.
const RANKS: [&str; 22] = [
    "mutants",
    "model",
    "cedar",
    "world",
    "ir",
    "table",
    "policy",
    "cache",
    "engine",
    "decide",
    "visible",
    "view",
    "count",
    "sorted",
    "explain",
    "sql",
    "ward",
    "facts",
    "matrix",
    "author",
    "testing",
    "attendance",
];

/// What may name Cedar's crates: whatever turns its forms into ours, walks its syntax trees, or holds the engine
/// against its authorizer.
const NAME_CEDAR: [&str; 3] = ["cedar", "policy", "testing"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.extend((path.extension().is_some_and(|of| of == "rs")).then_some(path)),
        }
    }
}

/// The code of a file without comments and without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.collect::<Vec<_>>().join("\n")
}

/// The folders, or files at the root, that the code names behind `crate::`.
fn named(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut all = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => drop(all.insert(word(rest))),
            Some(_) => {
                panic!("a list of imports from the root; one line for each folder is easier to follow")
            }
        }
    }
    all
}

#[test]
fn folders_import_what_stands_below_them_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&root, &mut all);
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for path in all {
        let name = path.strip_prefix(&root).unwrap();
        let folder = name.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if folder == "lib" || name.ends_with("tests.rs") {
            continue;
        }
        let rank = RANKS.iter().position(|of| *of == folder);
        let rank = rank.unwrap_or_else(|| panic!("`{folder}` has no rank: say in this test where it stands"));
        let code = code(&path);
        for named in named(&code) {
            match RANKS.iter().position(|of| *of == named) {
                Some(other) if other <= rank => {}
                Some(_) => wrong.push(format!("{} imports `{named}`, which stands above it", name.display())),
                None => wrong.push(format!("{} imports `{named}` from the root", name.display())),
            }
        }
        if name.ends_with("mod.rs") && name.components().count() == 2 && code.contains("super::") {
            wrong.push(format!("{} looks above its own folder by `super`", name.display()));
        }
        if code.contains("cedar_policy") && !NAME_CEDAR.contains(&folder) {
            wrong.push(format!("{} names Cedar", name.display()));
        }
        looked_at += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(looked_at > 150, "{looked_at} files");
}

/// Outside the library the prover speaks Cedar with the solver's compiler, in these files, and nobody else does.
const NAME_CEDAR_OUTSIDE: [&str; 3] =
    ["core/prove/src/model.rs", "core/prove/src/query.rs", "core/prove/src/solver.rs"];

#[test]
fn outside_the_library_the_prover_alone_names_cedar() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders =
        ["core/prove/src", "bindings/cli/src", "bindings/python/src", "bindings/wasm/src", "policies"];
    let mut all = Vec::new();
    for folder in folders.map(|folder| root.join(folder)).iter().filter(|folder| folder.is_dir()) {
        files(folder, &mut all);
    }
    let mut naming: Vec<_> = all
        .iter()
        .filter(|path| code(path).contains("cedar_policy"))
        .map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
        .collect();
    naming.sort();
    // The library may be tested alone, from its archive.
    if root.join("core/prove").is_dir() {
        assert_eq!(naming, NAME_CEDAR_OUTSIDE);
    }
}

#[test]
fn the_architecture_names_every_rank_in_its_order() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let Ok(page) = fs::read_to_string(page) else {
        println!("SKIPPED: no ARCHITECTURE.md beside the crate");
        return;
    };
    let (_, table) = page.split_once("## The ranks of core").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let named = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    // The highest first.
    let mut named: Vec<_> = named.collect();
    named.reverse();
    assert_eq!(named, RANKS);
}
