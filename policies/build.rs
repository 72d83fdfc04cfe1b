//! Lists every policy file beside this script, so that a new file needs no other change.
//!
//! README.md lists what may stand where. `Sources::read_folder` of crate `caseward` reads a folder by the same rules, and
//! its tests hold the two together.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Folders that hold no policies.
const OTHERS: [&str; 3] = ["src", "tests", "target"];
/// What the policies of `fits` are asked.
const FIT_ACTIONS: &str = "fits/actions.cedarschema";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or_else(missing)?);
    let (mut policies, mut invariants, mut guarantees, mut fits) = (vec![], vec![], vec![], vec![]);
    for entry in fs::read_dir(&root)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(refused(&path, "its name is not UTF-8"));
        };
        if name.starts_with('.') || OTHERS.contains(&name) {
            continue;
        }
        // A link that leads nowhere is an error here.
        if !fs::metadata(&path)?.is_dir() {
            match path.extension().is_some_and(|ending| ending == "cedar") {
                true => policies.push(path),
                false if name.contains(".cedar") && name != "schema.cedarschema" => {
                    return Err(refused(&path, "it looks like a policy, and is none"));
                }
                false => {}
            }
            continue;
        }
        println!("cargo::rerun-if-changed={}", path.display());
        let files = match name {
            "invariants" => &mut invariants,
            "guarantees" => &mut guarantees,
            "fits" => &mut fits,
            _ => &mut policies,
        };
        collect(&path, files)?;
    }
    println!("cargo::rerun-if-changed={}", root.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(missing)?);
    fs::write(out.join("policies.rs"), listing(&root, policies))?;
    fs::write(out.join("invariants.rs"), listing(&root, invariants))?;
    fs::write(out.join("guarantees.rs"), listing(&root, guarantees))?;
    fs::write(out.join("fits.rs"), listing(&root, fits))
}

/// A slice of names and texts, as Rust.
fn listing(root: &Path, mut files: Vec<PathBuf>) -> String {
    files.sort();
    let mut code = String::from("&[\n");
    for file in &files {
        let name = relative(root, file);
        let _ = writeln!(code, "    (\"{name}\", include_str!({:?})),", file.display().to_string());
    }
    code.push(']');
    code
}

/// Every policy below a folder of policies; what is neither one nor a note is refused.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        let is_folder = fs::metadata(&path)?.is_dir();
        match path.extension().and_then(|ending| ending.to_str()) {
            _ if is_folder => collect(&path, files)?,
            Some("cedar") => files.push(path),
            Some("md") => {}
            Some("cedarschema") if path.ends_with(FIT_ACTIONS) => {}
            _ => return Err(refused(&path, "it is no policy (`.cedar`)")),
        }
    }
    Ok(())
}

/// The path below `root` with forward slashes on every system.
fn relative(root: &Path, file: &Path) -> String {
    let parts = file.strip_prefix(root).unwrap_or(file).components();
    parts.map(|p| p.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn refused(path: &Path, why: &str) -> io::Error {
    io::Error::other(format!("`{}`: {why}", path.display()))
}

fn missing() -> io::Error {
    io::Error::other("cargo did not set the build script's variables")
}
