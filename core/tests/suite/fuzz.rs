//! Replays what fuzzing starts from and every input that once failed: `fuzz/` is for more than these.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use caseward::testing::targets;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// The files of a folder, in order; none where it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// An archive of the crate alone has no `fuzz/`.
fn is_here() -> bool {
    let is_here = folder().join("Cargo.toml").exists();
    if !is_here {
        println!("SKIPPED: no folder `fuzz` beside the crate");
    }
    is_here
}

#[test]
fn seeds_and_past_failures_pass() {
    if !is_here() {
        return;
    }
    for (name, target) in targets::ALL {
        let seeds = files(&folder().join("seeds").join(name));
        assert!(seeds.len() >= 5, "{name} has {} seeds", seeds.len());
        for path in seeds.into_iter().chain(files(&folder().join("crashes").join(name))) {
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
        }
    }
}

#[test]
fn every_target_can_be_run() {
    if !is_here() {
        return;
    }
    let names: BTreeSet<String> = targets::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    let files = files(&folder().join("fuzz_targets"));
    let found: BTreeSet<_> =
        files.iter().map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(found, names);
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    assert!(names.iter().all(|name| manifest.contains(&format!("name = \"{name}\""))));
}

#[test]
#[ignore = "writes fuzz/seeds: `make fuzz-seeds`"]
fn write_the_seeds() {
    for (target, name, bytes) in targets::seeds() {
        let folder = folder().join("seeds").join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}
