//! Policies from a folder: the one place where this crate reads files.

use std::fs;
use std::path::{Path, PathBuf};

use super::limits::{MAX_BYTES, MAX_POLICIES};
use super::load::{Source, Sources};
use crate::error::Error;

/// Files deep below the folder are not policies of it; this also ends a walk through linked folders.
const MAX_DEPTH: usize = 16;

/// The folder of what must never be allowed, in a policy folder.
const INVARIANTS: &str = "invariants";

/// The folder of what must always be allowed, in a policy folder.
const GUARANTEES: &str = "guarantees";

/// Folders in a policy folder that hold no policies.
const NO_POLICIES: [&str; 4] = [INVARIANTS, GUARANTEES, "tests", "target"];

/// The name of the catalogue of fields in a policy folder.
pub(crate) const CATALOGUE_FILE: &str = "fields.toml";

/// The name of the schema in a policy folder.
pub(crate) const SCHEMA_FILE: &str = "schema.cedarschema";

impl Sources {
    /// Reads every `.cedar` file below `folder`, `schema.cedarschema` in it unless `schema` is another file, and
    /// its catalogue `fields.toml`, where there is one.
    ///
    /// Files below a folder called `invariants`, `guarantees` or `tests` are not policies and are left out.
    ///
    /// # Errors
    /// [`Error::is_read`] where the folder, a file or the schema cannot be read.
    pub fn read_folder(folder: impl AsRef<Path>, schema: Option<&Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let mut files = Vec::new();
        walk(folder, 0, &mut files)?;
        Self::read(folder, schema, files)
    }

    /// Reads the folder's invariants, which say what its policies must never allow: every `.cedar` file below
    /// `folder`'s `invariants`, in the form of policies; none where there is no such folder.
    ///
    /// # Errors
    /// As [`Sources::read_folder`].
    pub fn read_invariants(folder: impl AsRef<Path>, schema: Option<&Path>) -> Result<Self, Error> {
        Self::read_claims(folder.as_ref(), schema, INVARIANTS)
    }

    /// Reads the folder's guarantees, which say what its policies must always allow: every `.cedar` file below
    /// `folder`'s `guarantees`, in the form of policies; none where there is no such folder.
    ///
    /// They are claims and grant nothing: a ward that is to decide is never made of them.
    ///
    /// # Errors
    /// As [`Sources::read_folder`].
    pub fn read_guarantees(folder: impl AsRef<Path>, schema: Option<&Path>) -> Result<Self, Error> {
        Self::read_claims(folder.as_ref(), schema, GUARANTEES)
    }

    fn read_claims(folder: &Path, schema: Option<&Path>, of: &str) -> Result<Self, Error> {
        let mut files = Vec::new();
        let below = folder.join(of);
        if below.is_dir() {
            walk(&below, 1, &mut files)?;
        }
        Self::read(folder, schema, files)
    }

    fn read(folder: &Path, schema: Option<&Path>, mut files: Vec<PathBuf>) -> Result<Self, Error> {
        let schema_path = schema.map_or_else(|| folder.join(SCHEMA_FILE), Path::to_owned);
        files.sort();
        let policies = files.iter().map(|path| {
            let below = path.strip_prefix(folder).unwrap_or(path);
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            Ok(Source::new(parts.join("/"), read(path)?))
        });
        let catalogue = folder.join(CATALOGUE_FILE);
        let catalogue = match catalogue.is_file() {
            true => Some(Source::new(CATALOGUE_FILE, read(&catalogue)?)),
            false => None,
        };
        Ok(Sources {
            catalogue,
            policies: policies.collect::<Result<_, Error>>()?,
            schema: Source::new(schema_path.display().to_string(), read(&schema_path)?),
        })
    }
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let refuse = |why: &dyn std::fmt::Display| Error::read(folder.display().to_string(), why);
    if depth > MAX_DEPTH {
        return Err(refuse(&format!("more than {MAX_DEPTH} folders deep")));
    }
    for entry in fs::read_dir(folder).map_err(|e| refuse(&e))? {
        let path = entry.map_err(|e| refuse(&e))?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| NO_POLICIES.iter().all(|other| name != *other)) {
                walk(&path, depth + 1, files)?;
            }
        } else if path.extension().is_some_and(|ext| ext == "cedar") {
            if files.len() == MAX_POLICIES {
                return Err(refuse(&format!("more than {MAX_POLICIES} policies")));
            }
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Error> {
    let refuse = |why: &dyn std::fmt::Display| Error::read(path.display().to_string(), why);
    let size = fs::metadata(path).map_err(|e| refuse(&e))?.len();
    if size > MAX_BYTES as u64 {
        return Err(refuse(&format!("it has {size} bytes, more than the {MAX_BYTES} that are taken")));
    }
    fs::read_to_string(path).map_err(|e| refuse(&e))
}
