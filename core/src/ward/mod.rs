//! Policies and schema, ready to answer.

#[cfg(feature = "bundle")]
pub mod bundle;
mod lists;
pub(crate) mod live;
mod questions;

use std::sync::Arc;

use crate::cache::Links;
use crate::cedar::EntityParser;
use crate::engine::Engine;
use crate::model::{Error, Problem, Query, RequestEnvironment, Schema, Source};
use crate::policy::{Catalogue, Loaded, Policy, Sources};
use crate::world;
use crate::world::World;

/// A schema and its policies, loaded once and immutable. Cloning shares it.
///
/// # Example
/// ```
/// use caseward::Ward;
///
/// let ward = Ward::attendance()?;
/// assert!(ward.policy("school.S1").is_some_and(|p| p.rule.as_deref() == Some("S1")));
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone)]
pub struct Ward {
    pub(crate) engine: Arc<Engine>,
}

impl Ward {
    /// Loads and validates a schema and policies.
    ///
    /// # Errors
    /// [`Error::is_policies`], with every problem: text over a limit or not in Cedar's syntax, a missing or
    /// duplicate `@id` or one that is not the file's path, an annotation that is not known and does not begin with
    /// `x_`, a template, anything that strict validation refuses; a file below `invariants` that is no
    /// [`Invariant`](crate::claims::Invariant); a catalogue that names what the schema lacks.
    pub fn new(sources: &Sources) -> Result<Self, Error> {
        let loaded = Loaded::new(sources)?;
        let by_id = loaded.policies.iter().enumerate().map(|(at, p)| (p.id.clone(), at)).collect();
        let catalogue = sources
            .catalogue
            .as_ref()
            .map(|source| Catalogue::read(source, &sources.schema, &loaded.schema).map_err(Error::policies));
        let catalogue = catalogue.transpose()?;
        Ok(Ward { engine: Arc::new(Engine { loaded, by_id, links: Links::default(), catalogue }) })
    }

    /// Loads a folder of policies, as [`Sources::read_folder`] reads it.
    ///
    /// # Errors
    /// [`Error::is_read`] and [`Error::is_policies`].
    #[cfg(feature = "fs")]
    pub fn from_folder(folder: impl AsRef<std::path::Path>) -> Result<Self, Error> {
        Self::new(&Sources::read_folder(folder, None)?)
    }

    /// The schema, which worlds are built for.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.engine.loaded.schema
    }

    /// Every policy, in the order of their ids.
    pub fn policies(&self) -> &[Policy] {
        &self.engine.loaded.policies
    }

    /// The policy whose `@id` is `id`.
    pub fn policy(&self, id: &str) -> Option<&Policy> {
        self.engine.loaded.policies.get(*self.engine.by_id.get(id)?)
    }

    /// The text that a policy was read from.
    pub fn source(&self, id: &str) -> Option<&Source> {
        self.engine.loaded.sources.get(id)
    }

    /// SHA-256 of schema, policies and catalogue, as 64 hexadecimal digits. Every answer carries it.
    pub fn policy_hash(&self) -> &Arc<str> {
        &self.engine.loaded.hash
    }

    /// What validation finds worth a look: policies that can never apply, and the like.
    pub fn warnings(&self) -> &[Problem] {
        &self.engine.loaded.warnings
    }

    /// Reads a world from Cedar's entities JSON.
    ///
    /// It takes what Cedar's own parser takes with the schema, and refuses dangling references besides, and hierarchies
    /// that are too deep: a chain of entities that lie in one another is some 5,800 long at most.
    ///
    /// # Errors
    /// [`Error::is_data`], with every problem: the entity, the attribute and what is wrong.
    pub fn read_world(&self, input: impl std::io::Read) -> Result<World, Error> {
        self.read_world_with(input, &mut |_| {})
    }

    /// As [`Ward::read_world`]; `progress` hears, now and then, how many bytes were read.
    ///
    /// # Errors
    /// As [`Ward::read_world`].
    pub fn read_world_with(
        &self,
        input: impl std::io::Read,
        progress: &mut dyn FnMut(u64),
    ) -> Result<World, Error> {
        let parser = EntityParser::new(&self.engine.loaded.cedar_schema);
        world::json::read(self.schema(), &parser, input, progress)
    }

    /// What decides a principal type, an action and a resource type: the program made of the policies that can
    /// apply, as text. What several policies ask stands once, on a line of its own.
    ///
    /// # Errors
    /// [`Error::is_request`] for names that the schema lacks.
    pub fn plan(&self, environment: &RequestEnvironment) -> Result<String, Error> {
        let RequestEnvironment { principal_type, action, resource_type } = environment;
        let types = (self.schema().known_type(principal_type)?, self.schema().known_type(resource_type)?);
        let engine = &self.engine;
        Ok(engine.show(engine.program(types.0, engine.action(action)?, types.1)))
    }

    /// As [`Ward::plan`], for one person and context: what is left once these are known.
    ///
    /// # Errors
    /// As [`Ward::list`]; and [`Error::is_request`] for a person who is not in the data.
    pub fn plan_for(&self, world: &World, query: &Query) -> Result<String, Error> {
        let context = self.engine.fields(&query.action, &query.context)?;
        self.engine.plan_for(world, &query.principal, &query.action, &query.resource_type, &context)
    }

    /// The same policies with a schema that says the same as theirs: who has the same object has compared them.
    pub(crate) fn with_schema(mut self, schema: &Arc<Schema>) -> Self {
        debug_assert_eq!(self.schema(), schema);
        if let Some(engine) = Arc::get_mut(&mut self.engine) {
            engine.loaded.schema = schema.clone();
        }
        self
    }
}

impl Sources {
    /// Everything that is wrong with them, and where they are fit for use what validation finds worth a look.
    ///
    /// # Example
    /// ```
    /// use caseward::{Source, Sources};
    ///
    /// let mut sources = Sources::attendance();
    /// sources.policies.push(Source::new("mine", "@id(\"mine\") permit (principal, action, resource) when { x };"));
    /// let problems = sources.diagnose();
    /// let span = problems[0].span.map(|span| (span.line, span.column));
    /// assert_eq!((problems[0].source.as_str(), span), ("mine", Some((1, 57))));
    /// ```
    pub fn diagnose(&self) -> Vec<Problem> {
        match Ward::new(self) {
            Ok(ward) => ward.warnings().to_vec(),
            Err(error) if error.problems().is_empty() => vec![Problem::error(error.to_string())],
            Err(error) => error.problems().to_vec(),
        }
    }
}

impl std::fmt::Debug for Ward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ward {{ policies: {}, hash: {} }}", self.policies().len(), self.policy_hash())
    }
}

/// For those who tune.
#[cfg(feature = "testing")]
impl Ward {
    /// The classes of principals that are known for a world, and how many tests their programs have: for those
    /// who tune.
    pub fn class_summary(&self, world: &World, principal: &str, action: &str, resource: &str) -> String {
        let types = (self.schema().type_id(principal), self.schema().type_id(resource));
        let (Some(principal), Some(resource), Some(action)) =
            (types.0, types.1, self.schema().action(action))
        else {
            return String::new();
        };
        self.engine.link(world).summary((principal, action.place, resource))
    }

    /// The bytes of each index, by the type that its path starts from and the path: for those who tune.
    pub fn index_sizes(&self, world: &World) -> Vec<(String, String, usize)> {
        let show = |path: &crate::world::index::Path| {
            let types = path.types(self.schema()).unwrap_or_default();
            let steps = types.into_iter().zip(&path.steps).filter_map(|(ty, step)| {
                Some(self.schema().entity_type(ty)?.attributes.get(step.index())?.0.to_string())
            });
            let start = self.schema().entity_type(path.start);
            (start.map_or_else(String::new, |ty| ty.name.to_string()), steps.collect::<Vec<_>>().join("."))
        };
        let sized = |(path, bytes)| {
            let (start, steps) = show(path);
            (start, steps, bytes)
        };
        world.still().sizes().into_iter().map(sized).collect()
    }
}
