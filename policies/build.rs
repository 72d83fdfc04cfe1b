//! Lists every policy file beside this script, so that a new file needs no other change.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or_else(missing)?);
    let (mut policies, mut invariants) = (Vec::new(), Vec::new());
    for topic in fs::read_dir(&root)? {
        let topic = topic?.path();
        let Some(name) = topic.file_name().filter(|_| topic.is_dir()) else { continue };
        let files = match name.to_str() {
            Some("src" | "tests" | "target") => continue,
            Some("invariants") => &mut invariants,
            _ => &mut policies,
        };
        println!("cargo::rerun-if-changed={}", topic.display());
        collect(&topic, files)?;
    }
    println!("cargo::rerun-if-changed={}", root.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(missing)?);
    let decisions = root.join("DECISIONS.md");
    println!("cargo::rerun-if-changed={}", decisions.display());
    fs::write(out.join("decisions.md"), fs::read_to_string(&decisions).unwrap_or_default())?;
    fs::write(out.join("policies.rs"), listing(&root, policies))?;
    fs::write(out.join("invariants.rs"), listing(&root, invariants))
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

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "cedar") {
            files.push(path);
        }
    }
    Ok(())
}

/// The path below `root` with forward slashes on every system.
fn relative(root: &Path, file: &Path) -> String {
    let parts = file.strip_prefix(root).unwrap_or(file).components();
    parts.map(|p| p.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn missing() -> io::Error {
    io::Error::other("cargo did not set the build script's variables")
}
