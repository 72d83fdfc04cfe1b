//! Reading policies and data, with what goes wrong shown where it stands.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use caseward::{Error, Problem, Source, Sources, Ward, World};
use clap::error::ErrorKind;

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{Terminal, note};
use crate::{input, progress};

/// Bytes of a snapshot, which is held in memory while it is opened.
const MOST_SNAPSHOT: u64 = 8 << 30;

/// Bytes that a snapshot is believed to have before they are read.
const MOST_AT_ONCE: usize = 64 << 20;

/// Said where no folder of policies was named.
const BUILT_IN: &str =
    "these are the policies that come with the command, for attendance cases; --policies names others";

/// Which policies.
#[derive(clap::Args)]
pub(crate) struct PolicyArgs {
    /// A folder of policies, one `.cedar` file each, with `schema.cedarschema`.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// The schema, where it is not the folder's `schema.cedarschema`.
    #[arg(long, value_name = "FILE", requires = "policies")]
    schema: Option<PathBuf>,
}

/// Which data.
#[derive(clap::Args)]
pub(crate) struct DataArgs {
    /// The data: Cedar's entities JSON or a snapshot, or `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) entities: PathBuf,
}

impl PolicyArgs {
    /// The policies of a folder, or those that come with the command.
    #[cfg(feature = "serve")]
    pub(crate) fn of(policies: Option<PathBuf>) -> Self {
        PolicyArgs { policies, schema: None }
    }

    /// The folder of policies, where one is named.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.policies.as_deref()
    }

    /// The folder of policies, for a verb whose good word would be taken for one about the policies at hand.
    pub(crate) fn own(&self) -> Result<&Path, Failure> {
        self.folder().ok_or_else(|| {
            let why = "--policies must name the folder of policies that is meant, such as `--policies policies`; \
                       without it this would be said of the policies that come with the command";
            Failure::usage(ErrorKind::MissingRequiredArgument, why)
        })
    }

    /// Refuses a schema from elsewhere where the folder is compared with an earlier version of it.
    pub(crate) fn goes_with_base(&self, base: Option<&str>) -> Result<(), Failure> {
        match (base, &self.schema) {
            (Some(_), Some(_)) => {
                let why = "--base compares with the schema that the folder had: --schema names another, of which it is not known \
                           what it said before";
                Err(Failure::usage(ErrorKind::ArgumentConflict, why))
            }
            _ => Ok(()),
        }
    }

    /// The text of schema and policies.
    pub(crate) fn sources(&self) -> Result<Sources, Failure> {
        match &self.policies {
            None => {
                static SAID: Once = Once::new();
                SAID.call_once(|| note(BUILT_IN));
                Ok(Sources::attendance())
            }
            Some(folder) => Ok(noted(folder, Sources::read_folder(folder, self.schema.as_deref())?)),
        }
    }

    /// The text of schema and invariants.
    pub(crate) fn invariants(&self) -> Result<Sources, Failure> {
        match &self.policies {
            None => Ok(Sources::attendance_invariants()),
            Some(folder) => Ok(noted(folder, Sources::read_invariants(folder, self.schema.as_deref())?)),
        }
    }

    /// The text of schema and guarantees.
    pub(crate) fn guarantees(&self) -> Result<Sources, Failure> {
        match &self.policies {
            None => Ok(Sources::attendance_guarantees()),
            Some(folder) => Ok(noted(folder, Sources::read_guarantees(folder, self.schema.as_deref())?)),
        }
    }

    /// The text of schema and of who fits where a record names somebody.
    pub(crate) fn fits(&self) -> Result<Sources, Failure> {
        match &self.policies {
            None => Ok(Sources::attendance_fits()),
            Some(folder) => Ok(noted(folder, Sources::read_fits(folder, self.schema.as_deref())?)),
        }
    }

    /// The text of schema and claims, by what they are called: what `prove` asks of the policies.
    pub(crate) fn claims(&self) -> Result<[(Sources, &'static str); 2], Failure> {
        Ok([(self.invariants()?, "invariant"), (self.guarantees()?, "guarantee")])
    }

    /// The text of schema and of all that stands beside the policies in their form, by what it is called: claims, and who
    /// fits where a record names somebody, which decides who is taken out of a record.
    pub(crate) fn beside(&self) -> Result<[(Sources, &'static str); 3], Failure> {
        let [invariants, guarantees] = self.claims()?;
        Ok([invariants, guarantees, (self.fits()?, "fit condition")])
    }

    /// Reads and validates schema and policies.
    pub(crate) fn load(&self) -> Result<Ward, Failure> {
        self.load_from(&self.sources()?)
    }

    /// Validates schema and policies, or claims in the form of policies.
    pub(crate) fn load_from(&self, sources: &Sources) -> Result<Ward, Failure> {
        Ward::new(sources).map_err(|error| self.refused(&error, sources))
    }

    fn refused(&self, error: &Error, sources: &Sources) -> Failure {
        match error.problems() {
            [] => Failure::other(error.to_string()),
            problems => Failure::Policies(self.reports(problems, sources)),
        }
    }

    /// The file that a problem is in, as people and programs open it.
    pub(crate) fn file(&self, problem: &Problem, sources: &Sources) -> Option<String> {
        let folder = self.policies.as_ref()?;
        if problem.source == sources.schema.name.as_ref() {
            return Some(problem.source.clone());
        }
        let all = sources.policies.iter().chain(&sources.catalogue);
        let is_known = all.into_iter().any(|source| source.name.as_ref() == problem.source);
        is_known.then(|| folder.join(problem.source.as_str()).display().to_string())
    }

    /// The problems with the texts that they concern.
    pub(crate) fn reports(&self, problems: &[Problem], sources: &Sources) -> Vec<Report> {
        problems.iter().map(|problem| self.report(problem, sources)).collect()
    }

    fn report(&self, problem: &Problem, sources: &Sources) -> Report {
        if problem.source == sources.schema.name.as_ref() {
            return Report::in_text(problem, &sources.schema, &sources.schema.name);
        }
        let catalogue = sources.catalogue.iter();
        match sources.policies.iter().chain(catalogue).find(|source| source.name.as_ref() == problem.source) {
            Some(source) => Report::in_text(problem, source, &self.shown(source)),
            None => Report::without_text(problem),
        }
    }

    /// Policies are named by their path below the folder; people want a path that they can open.
    pub(crate) fn shown(&self, source: &Source) -> String {
        let path = self.policies.as_ref().map(|folder| folder.join(source.name.as_ref()));
        path.map_or_else(|| source.name.to_string(), |path| path.display().to_string())
    }
}

/// Reads the policies of a folder.
pub(crate) fn read_folder(folder: &Path) -> Result<Sources, Failure> {
    Ok(noted(folder, Sources::read_folder(folder, None)?))
}

/// Takes note of the files that were read.
fn noted(folder: &Path, sources: Sources) -> Sources {
    input::remember(Path::new(sources.schema.name.as_ref()));
    let below = sources.policies.iter().chain(&sources.catalogue);
    below.for_each(|source| input::remember(&folder.join(source.name.as_ref())));
    sources
}

impl DataArgs {
    /// Reads the data.
    pub(crate) fn load(&self, ward: &Ward, terminal: &Terminal) -> Result<World, Failure> {
        let mut input = input::open(&self.entities)?;
        let bar = progress::bytes(terminal, "reading entities", input.len);
        let start = input.start(World::SNAPSHOT_START)?;
        let world = if World::is_snapshot(&start) {
            let refused = |e: Error| Failure::other(format!("{}: {e}", input.name));
            let said = World::snapshot_fits(ward.schema(), &start, input.len).map_err(refused)?;
            if said > MOST_SNAPSHOT {
                let why =
                    format!("{}: a snapshot of more than {MOST_SNAPSHOT} bytes is not taken", input.name);
                return Err(Failure::other(why));
            }
            let at_once = usize::try_from(said).unwrap_or(MOST_AT_ONCE).min(MOST_AT_ONCE);
            let mut bytes = Vec::with_capacity(at_once);
            // One byte more is enough to know that it goes on behind its end.
            let read = bar.wrap_read(input.stream).take(said + 1).read_to_end(&mut bytes);
            read.map_err(|e| Failure::file("read", &input.name, &e))?;
            World::from_bytes(ward.schema(), &bytes)
        } else {
            ward.read_world_with(input.stream, &mut |bytes| bar.set_position(bytes))
        };
        bar.finish_and_clear();
        world.map_err(|error| match error.problems() {
            [] => Failure::other(format!("{}: {error}", input.name)),
            problems => Failure::Data { file: input.name.clone(), problems: problems.to_vec() },
        })
    }
}
