//! Policies from a folder: the one place where this crate reads files.

use std::fs;
use std::path::{Path, PathBuf};

use super::limits::{MAX_BYTES, MAX_POLICIES};
use super::load::{Source, Sources};
use crate::error::Error;

/// Files deep below the folder are not policies of it; this also ends a walk through linked folders.
const MAX_DEPTH: usize = 16;

/// The name of the catalogue of fields in a policy folder.
pub(crate) const CATALOGUE_FILE: &str = "fields.toml";

/// The name of the schema in a policy folder.
pub(crate) const SCHEMA_FILE: &str = "schema.cedarschema";

impl Sources {
    /// Reads every `.cedar` file below `folder`, `schema.cedarschema` in it unless `schema` is another file, and
    /// its catalogue `fields.toml`, where there is one.
    ///
    /// Files below a folder called `invariants` are not policies and are left out.
    ///
    /// # Errors
    /// [`Error::is_read`] where the folder, a file or the schema cannot be read.
    pub fn read_folder(folder: impl AsRef<Path>, schema: Option<&Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let schema_path = schema.map_or_else(|| folder.join(SCHEMA_FILE), Path::to_owned);
        let mut files = Vec::new();
        walk(folder, 0, &mut files)?;
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
            if path.file_name().is_some_and(|name| name != "invariants" && name != "target") {
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
