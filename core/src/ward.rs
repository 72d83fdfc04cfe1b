//! Policies and schema, ready to answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::error::{Error, Problem};
use crate::ir::{Printed, Program};
use crate::link::Links;
use crate::policy::{EntityParser, Loaded, Policy, Source, Sources};
use crate::schema::Schema;
use crate::uid::EntityUid;
use crate::value::Value;
use crate::view::Catalogue;
use crate::world::{self, World};

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
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) loaded: Loaded,
    pub(crate) by_id: HashMap<Arc<str>, usize>,
    pub(crate) links: Links,
    pub(crate) catalogue: Option<Catalogue>,
}

impl Ward {
    /// The rules of attendance case management, which come with this crate.
    ///
    /// # Errors
    /// [`Error::is_policies`], never for a released crate: its tests load them.
    pub fn attendance() -> Result<Self, Error> {
        Self::new(&Sources::attendance())
    }

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
        Ok(Ward { inner: Arc::new(Inner { loaded, by_id, links: Links::default(), catalogue }) })
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
        &self.inner.loaded.schema
    }

    /// Every policy, in the order of their ids.
    pub fn policies(&self) -> &[Policy] {
        &self.inner.loaded.policies
    }

    /// The policy whose `@id` is `id`.
    pub fn policy(&self, id: &str) -> Option<&Policy> {
        self.inner.loaded.policies.get(*self.inner.by_id.get(id)?)
    }

    /// The text that a policy was read from.
    pub fn source(&self, id: &str) -> Option<&Source> {
        self.inner.loaded.sources.get(id)
    }

    /// SHA-256 of schema, policies and catalogue, as 64 hexadecimal digits. Every answer carries it.
    pub fn policy_hash(&self) -> &Arc<str> {
        &self.inner.loaded.hash
    }

    /// What validation finds worth a look: policies that can never apply, and the like.
    pub fn warnings(&self) -> &[Problem] {
        &self.inner.loaded.warnings
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
        let parser = EntityParser::new(&self.inner.loaded.cedar_schema);
        world::json::read(self.schema(), &parser, input, progress)
    }

    /// What decides a principal type, an action and a resource type: the program made of the policies that can
    /// apply, as text. What several policies ask stands once, on a line of its own.
    ///
    /// # Errors
    /// [`Error::is_request`] for names that the schema lacks.
    pub fn plan(&self, principal_type: &str, action: &str, resource_type: &str) -> Result<String, Error> {
        let (principal, resource) =
            (self.schema().known_type(principal_type)?, self.schema().known_type(resource_type)?);
        let program = self.program(principal, self.action(action)?, resource);
        Ok(self.show(program))
    }

    /// As [`Ward::plan`], for one person and context: what is left once these are known.
    ///
    /// # Errors
    /// As [`Ward::list`]; and [`Error::is_request`] for a person who is not in the data.
    pub fn plan_for(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<String, Error> {
        let resource = self.schema().known_type(resource_type)?;
        let asker = self.examine_asker(world, principal, action, resource_type, context)?;
        let place = asker.principal;
        let place = place.ok_or_else(|| Error::request(format!("{principal} is not in the data")))?;
        Ok(crate::visible::show(self, world, place, asker.action, resource, context))
    }

    /// The program as text, with the ids of its policies.
    fn show(&self, program: &Program) -> String {
        let names = |at: usize| self.policies().get(at).map_or_else(String::new, |p| p.id.to_string());
        Printed { program, schema: self.schema(), names: &names }.to_string()
    }

    /// The texts, numbers and times that the policies compare attributes and fields with, by the name of these: what a
    /// generator of data has to hit.
    #[cfg(any(feature = "author", feature = "testing"))]
    pub fn compared(&self) -> BTreeMap<Arc<str>, Vec<Value>> {
        let all = &self.literals().by_name;
        all.iter().map(|(name, values)| (name.clone(), values.iter().cloned().collect())).collect()
    }

    #[cfg(any(feature = "author", feature = "testing"))]
    pub(crate) fn literals(&self) -> &crate::policy::Literals {
        &self.inner.loaded.literals
    }

    /// The texts, numbers and times that the policies compare attributes and fields called `name` with.
    #[cfg(any(feature = "author", feature = "testing"))]
    pub(crate) fn literals_of(&self, name: &str) -> Vec<Value> {
        self.literals().by_name.get(name).map(|all| all.iter().cloned().collect()).unwrap_or_default()
    }

    /// The same policies with a schema that says the same as theirs: who has the same object has compared them.
    pub(crate) fn with_schema(mut self, schema: &Arc<Schema>) -> Self {
        debug_assert_eq!(self.schema(), schema);
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.loaded.schema = schema.clone();
        }
        self
    }
}

impl Sources {
    /// The rules of attendance case management, as text.
    pub fn attendance() -> Self {
        Self::embedded(caseward_policies::POLICIES)
    }

    /// The invariants of attendance case management: what its policies must never allow, in the form of policies.
    pub fn attendance_invariants() -> Self {
        Self::embedded(caseward_policies::INVARIANTS)
    }

    /// The guarantees of attendance case management: what its policies must always allow, in the form of policies.
    /// They are claims and grant nothing: a ward that is to decide is never made of them.
    pub fn attendance_guarantees() -> Self {
        Self::embedded(caseward_policies::GUARANTEES)
    }

    fn embedded(texts: &[(&'static str, &'static str)]) -> Self {
        Sources {
            schema: Source::new("schema.cedarschema", caseward_policies::SCHEMA),
            policies: texts.iter().map(|(name, text)| Source::new(*name, *text)).collect(),
            catalogue: Some(Source::new("fields.toml", caseward_policies::CATALOGUE)),
        }
    }
}

impl std::fmt::Debug for Ward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ward {{ policies: {}, hash: {} }}", self.policies().len(), self.policy_hash())
    }
}
