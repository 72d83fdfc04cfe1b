//! Policies from a folder: the one place where this crate reads files of policies.

pub(crate) mod cases;
mod dotted;
mod layout;

use std::path::{Path, PathBuf};

pub use layout::FilePart;
#[cfg(feature = "author")]
pub(crate) use layout::hidden;

use super::load::Sources;
use crate::cedar::limits::{MAX_BYTES, MAX_POLICIES};
use crate::model::{Error, Source};
use crate::policy::files;
use crate::policy::files::{Found, Kind, Step};

impl Sources {
    /// Reads a folder of policies: every policy, `schema.cedarschema` in it unless `schema` is another file, and
    /// its catalogue `fields.toml`, where there is one. [`FilePart::of`] says what stands where.
    ///
    /// # Errors
    /// [`Error::is_read`], naming the file, where something in the folder cannot be read or is not understood.
    pub fn read_folder(folder: impl AsRef<Path>, schema: Option<&Path>) -> Result<Self, Error> {
        read(folder.as_ref(), schema, FilePart::Policy)
    }

    /// Reads the folder's invariants, which say what its policies must never allow: every `.cedar` file below
    /// `folder`'s `invariants`, in the form of policies; none where there is no such folder.
    ///
    /// # Errors
    /// As [`Sources::read_folder`].
    pub fn read_invariants(folder: impl AsRef<Path>, schema: Option<&Path>) -> Result<Self, Error> {
        read(folder.as_ref(), schema, FilePart::Invariant)
    }

    /// Reads the folder's guarantees, which say what its policies must always allow: every `.cedar` file below
    /// `folder`'s `guarantees`, in the form of policies; none where there is no such folder.
    ///
    /// They are claims and grant nothing: a ward that is to decide is never made of them.
    ///
    /// # Errors
    /// As [`Sources::read_folder`].
    pub fn read_guarantees(folder: impl AsRef<Path>, schema: Option<&Path>) -> Result<Self, Error> {
        read(folder.as_ref(), schema, FilePart::Guarantee)
    }

    /// Reads who fits where a record names somebody: every `.cedar` file below `folder`'s `fits`, asked by the actions in
    /// its `actions.cedarschema`, which the schema has besides its own; none where there is no such folder.
    ///
    /// # Errors
    /// As [`Sources::read_folder`].
    pub fn read_fits(folder: impl AsRef<Path>, schema: Option<&Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let mut fits = read(folder, schema, FilePart::Fit)?;
        fits.catalogue = None;
        for (part, Found { path, .. }) in FilePart::all_in(folder)? {
            if part == FilePart::FitActions {
                let text = files::read_text(&path, MAX_BYTES)?;
                fits = fits.asked_by(&Source::new(path.display().to_string(), text));
            }
        }
        Ok(fits)
    }
}

impl FilePart {
    /// Every part of a folder of policies, in the order of the names.
    ///
    /// # Errors
    /// As [`Sources::read_folder`].
    pub fn all_in(folder: &Path) -> Result<Vec<(FilePart, Found)>, Error> {
        let mut parts = Vec::new();
        let mut policies = 0;
        let is_built = layout::is_built(folder);
        let found = files::walk(folder, &mut |name, kind| match kind {
            _ if layout::is_in_target(name) && !is_built => layout::not_built(name, kind),
            Kind::Folder => layout::enters(name),
            Kind::Hidden => layout::hidden(name, false).map(|()| Step::Leave),
            Kind::HiddenFolder => {
                layout::hidden(name, true).and_then(|()| layout::mounted(folder, name)).map(|()| Step::Leave)
            }
            Kind::File => {
                let Some(part) = FilePart::of(name)? else { return Ok(Step::Leave) };
                policies += usize::from(part.is_policies());
                if policies > MAX_POLICIES {
                    return Err(format!("more than {MAX_POLICIES} policies"));
                }
                parts.push(part);
                Ok(Step::Take)
            }
        })?;
        Ok(parts.into_iter().zip(found).collect())
    }

    /// Every file of a folder of policies that is a part of them; and, as `None`, every file that cannot stand where it
    /// does, of which [`FilePart::of`] says why. For an editor, in which the folder need not be in order.
    ///
    /// # Errors
    /// As [`files::walk`].
    pub fn each_in(folder: &Path) -> Result<Vec<(Option<FilePart>, Found)>, Error> {
        let mut parts = Vec::new();
        let is_built = layout::is_built(folder);
        let mut files = 0;
        let found = files::walk(folder, &mut |name, kind| {
            let part = match kind {
                Kind::HiddenFolder => return Ok(Step::Leave),
                // What is in one that cannot stand there is refused file by file.
                Kind::Folder if layout::is_in_target(name) && is_built => return Ok(Step::Leave),
                Kind::Folder => return Ok(layout::enters(name).unwrap_or(Step::Take)),
                Kind::Hidden => layout::hidden(name, false).map(|()| None),
                Kind::File => FilePart::of(name),
            };
            files += 1;
            if files > MAX_POLICIES {
                return Err(format!("more than {MAX_POLICIES} files"));
            }
            Ok(match part.transpose() {
                Some(part) => {
                    parts.push(part.ok());
                    Step::Take
                }
                None => Step::Leave,
            })
        })?;
        Ok(parts.into_iter().zip(found).collect())
    }

    /// Whether it has the form of policies.
    fn is_policies(self) -> bool {
        matches!(self, FilePart::Policy | FilePart::Invariant | FilePart::Guarantee | FilePart::Fit)
    }
}

/// The schema, the catalogue, and what of the folder is `wanted`. All of the folder is looked at, cases too, whatever
/// is wanted: an invariant in a file that is not understood would be no invariant, and a policy among cases no policy.
fn read(folder: &Path, schema: Option<&Path>, wanted: FilePart) -> Result<Sources, Error> {
    let (mut policies, mut catalogue) = (Vec::new(), None);
    let mut schema = schema.map(|path| (path.to_owned(), path.display().to_string()));
    for (part, Found { path, name }) in FilePart::all_in(folder)? {
        match part {
            part if part == wanted => policies.push(Source::new(name, files::read_text(&path, MAX_BYTES)?)),
            FilePart::Catalogue => catalogue = Some(Source::new(name, files::read_text(&path, MAX_BYTES)?)),
            FilePart::Schema => schema = schema.or_else(|| Some((path.clone(), path.display().to_string()))),
            _ => {}
        }
    }
    let (path, name): (PathBuf, String) = schema.ok_or_else(|| {
        Error::read_file(
            folder,
            "it has no `schema.cedarschema`, and no other schema was named: it is no folder of policies",
        )
    })?;
    Ok(Sources { catalogue, policies, schema: Source::new(name, files::read_text(&path, MAX_BYTES)?) })
}

#[cfg(test)]
mod tests;
