//! Reading policies and data, with what goes wrong shown where it stands.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use caseward::{Error, Problem, Sources, Ward, World};

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::Terminal;
use crate::{input, progress};

/// Bytes that tell a snapshot from JSON.
const SNAPSHOT_START: usize = 8;

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
    /// The folder of policies, where one is named.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.policies.as_deref()
    }

    /// The text of schema and policies.
    pub(crate) fn sources(&self) -> Result<Sources, Failure> {
        match &self.policies {
            None => Ok(Sources::attendance()),
            Some(folder) => Ok(Sources::read_folder(folder, self.schema.as_deref())?),
        }
    }

    /// The text of schema and invariants.
    pub(crate) fn invariants(&self) -> Result<Sources, Failure> {
        match &self.policies {
            None => Ok(Sources::attendance_invariants()),
            Some(folder) => Ok(Sources::read_invariants(folder, self.schema.as_deref())?),
        }
    }

    /// Reads and validates schema and policies.
    pub(crate) fn load(&self) -> Result<Ward, Failure> {
        let sources = self.sources()?;
        Ward::new(&sources).map_err(|error| self.refused(&error, &sources))
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
            Some(source) => {
                // Policies are named by their path below the folder; people want a path that they can open.
                let shown = self.policies.as_ref().map(|folder| folder.join(source.name.as_ref()));
                let shown = shown.map_or_else(|| source.name.to_string(), |path| path.display().to_string());
                Report::in_text(problem, source, &shown)
            }
            None => Report::without_text(problem),
        }
    }
}

impl DataArgs {
    /// Reads the data.
    pub(crate) fn load(&self, ward: &Ward, terminal: &Terminal) -> Result<World, Failure> {
        let mut input = input::open(&self.entities)?;
        let bar = progress::bytes(terminal, "reading entities", input.len);
        let world = if World::is_snapshot(&input.start(SNAPSHOT_START)?) {
            let mut bytes =
                Vec::with_capacity(input.len.and_then(|len| usize::try_from(len).ok()).unwrap_or(0));
            let read = bar.wrap_read(input.stream).read_to_end(&mut bytes);
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
