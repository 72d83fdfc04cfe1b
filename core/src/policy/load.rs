//! Reading, naming and validating a set of policies.

use std::collections::HashMap;
use std::ops::Range;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cedar_policy::{PolicyId, PolicySet, Schema as CedarSchema, ValidationMode, Validator};
use miette::Diagnostic;
use sha2::{Digest, Sha256};

use super::anatomy::{Anatomy, Trees};
use super::lower::{Programs, Spans};
use super::{annotations, claims, expansion, mistakes};
use super::{needs::Needs, reference::Reference};
use crate::cedar::limits::{Language, MAX_ENVIRONMENTS, MAX_POLICIES};
use crate::cedar::{limits, same_schema, schema};
use crate::ir::Program;
use crate::model::suggest::nearest;
use crate::model::{Action, Effect, Error, Problem, Schema, Severity, Source, Span, TypeId};

/// A schema and its policies, as text.
///
/// A source whose name ends in `.cedar` is a file: it holds one policy, whose `@id` is the path with dots.
/// A source of any other name may hold several policies, each with an `@id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The schema, in Cedar's schema language.
    pub schema: Source,
    /// The policies.
    pub policies: Vec<Source>,
    /// What of each record is shown with which action, in TOML; `None` where nothing is to be shown by
    /// [`Ward::view`](crate::Ward::view).
    pub catalogue: Option<Source>,
}

/// The annotations of a policy by name.
type Annotations = std::collections::BTreeMap<Arc<str>, Arc<str>>;

/// What is known about a policy.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Policy {
    /// The `@id`.
    pub id: Arc<str>,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// The rule that it writes down: `@rule`.
    pub rule: Option<Arc<str>>,
    /// What it says, in words for people: `@description`.
    pub description: Option<Arc<str>>,
    /// Every annotation, `@id` included, by name.
    pub annotations: Annotations,
    /// The name of the source that it was read from.
    pub source: Arc<str>,
}

carried!(struct Policy { id, effect, rule, description, annotations, source });

/// A schema and policies that were found valid.
pub(crate) struct Loaded {
    pub(crate) schema: Arc<Schema>,
    /// In the order of their ids.
    pub(crate) policies: Vec<Policy>,
    pub(crate) sources: HashMap<Arc<str>, Source>,
    pub(crate) hash: Arc<str>,
    pub(crate) reference: Reference,
    /// For the reference and for explanations alone; found when first asked for.
    needs: OnceLock<Needs>,
    pub(crate) programs: Programs,
    pub(crate) cedar_schema: CedarSchema,
    pub(crate) warnings: Vec<Problem>,
    #[cfg(any(feature = "author", feature = "testing"))]
    pub(crate) literals: super::Literals,
    trees: Trees,
    /// For explanations alone; each made when it is first asked for.
    anatomies: Mutex<HashMap<(TypeId, usize, TypeId), Arc<Anatomy>>>,
}

impl Loaded {
    /// What decides an action of principals and on resources of these types.
    pub(crate) fn program(&self, principal: TypeId, action: &Action, resource: TypeId) -> &Arc<Program> {
        self.programs.of(principal, action.place, resource)
    }

    /// # Errors
    /// [`Error::is_policies`], with every problem found.
    pub(crate) fn new(sources: &Sources) -> Result<Self, Error> {
        let cedar_schema = read_schema(&sources.schema).map_err(Error::policies)?;
        let schema = schema::convert(cedar_schema.as_ref())
            .map_err(|p| Error::policies(vec![p.in_source(&sources.schema.name)]))?;
        few_environments(&schema).map_err(|p| Error::policies(vec![p.in_source(&sources.schema.name)]))?;
        let (set, mut policies, by_id) = read_policies(&sources.policies).map_err(|mut problems| {
            problems.iter_mut().for_each(|problem| mistakes::of_variable(problem, &schema));
            Error::policies(problems)
        })?;
        let warnings = validate(&cedar_schema, &schema, &set, &by_id).map_err(Error::policies)?;
        policies.sort_by(|a, b| a.id.cmp(&b.id));
        let unclear = claims::check(&set, &policies, &by_id, &schema);
        if !unclear.is_empty() {
            return Err(Error::policies(unclear));
        }
        let programs = Programs::new(&set, &policies, &schema);
        Ok(Loaded {
            trees: Trees::new(&set, &policies, &by_id),
            anatomies: Mutex::default(),
            #[cfg(any(feature = "author", feature = "testing"))]
            literals: super::Literals::new(&set),
            hash: hash(sources, &policies, &by_id).into(),
            schema: Arc::new(schema),
            policies,
            sources: by_id,
            reference: Reference::new(set, &cedar_schema)?,
            needs: OnceLock::new(),
            programs,
            cedar_schema,
            warnings,
        })
    }
}

impl Loaded {
    pub(crate) fn needs(&self) -> &Needs {
        self.needs
            .get_or_init(|| Needs::new(self.cedar_schema.as_ref(), self.reference.policies(), &self.schema))
    }

    /// The comment above its clause and the text of each condition of a policy, which goes by its place.
    #[cfg(feature = "author")]
    pub(crate) fn conditions(&self, policy: usize) -> Vec<(Option<Arc<str>>, String)> {
        let source = self.policies.get(policy).and_then(|policy| self.sources.get(&policy.id));
        let text = |span: Range<usize>| source.and_then(|s| s.text.get(span)).unwrap_or_default().to_owned();
        self.trees.conditions(policy).map(|(name, span)| (name, text(span))).collect()
    }

    /// The policies that can apply to an action of the schema, taken apart.
    pub(crate) fn anatomy(&self, principal: TypeId, action: &Action, resource: TypeId) -> Arc<Anatomy> {
        let mut anatomies = self.anatomies.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(self.trees.anatomy(&self.schema, principal, action, resource));
        anatomies.entry((principal, action.place, resource)).or_insert_with(made).clone()
    }
}

impl Loaded {
    /// The program of an environment for data in which a reference may lead nowhere, and where its nodes stand
    /// in the policies' texts.
    pub(crate) fn program_for_tables(&self, environment: (TypeId, &Action, TypeId)) -> (Program, Spans) {
        super::lower::for_tables(self.reference.policies(), &self.policies, &self.schema, environment)
    }
}

fn read_schema(source: &Source) -> Result<CedarSchema, Vec<Problem>> {
    let is_small =
        limits::check(&source.text, Language::Schema).and_then(|()| expansion::check(&source.text));
    is_small.map_err(|p| vec![p.in_source(&source.name)])?;
    match CedarSchema::from_cedarschema_str(&source.text) {
        Ok((schema, _warnings)) => Ok(schema),
        Err(error) => Err(problems_of(&error, source)),
    }
}

/// Each policy is looked at in each environment: one action of a thousand principals and a thousand resources has a
/// million.
fn few_environments(schema: &Schema) -> Result<(), Problem> {
    let of = |action: &Action| action.principals.len().saturating_mul(action.resources.len());
    match schema.actions().iter().map(of).fold(0, usize::saturating_add) {
        0..=MAX_ENVIRONMENTS => Ok(()),
        all => Err(Problem::error(format!(
            "its actions apply to {all} pairs of principal and resource types, more than the {MAX_ENVIRONMENTS} that \
             are taken"
        ))),
    }
}

type Read = (PolicySet, Vec<Policy>, HashMap<Arc<str>, Source>);

fn read_policies(sources: &[Source]) -> Result<Read, Vec<Problem>> {
    let (mut set, mut policies, mut by_id) = (PolicySet::new(), Vec::new(), HashMap::new());
    let mut problems = Vec::new();
    if sources.len() > MAX_POLICIES {
        return Err(vec![Problem::error(format!(
            "{} sources of policies, more than the {MAX_POLICIES} that are taken",
            sources.len()
        ))]);
    }
    for source in sources {
        match read_source(source) {
            Ok(found) => {
                for (policy, info) in found {
                    if let Some(other) = by_id.get(&info.id) {
                        let other: &Source = other;
                        problems.push(
                            Problem::error(format!("the id `{}` is taken by {}", info.id, other.name))
                                .in_source(&source.name),
                        );
                        continue;
                    }
                    by_id.insert(info.id.clone(), source.clone());
                    policies.push(info);
                    if let Err(error) = set.add(policy) {
                        problems.extend(problems_of(&error, source));
                    }
                }
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok((set, policies, by_id)) } else { Err(problems) }
}

fn read_source(source: &Source) -> Result<Vec<(cedar_policy::Policy, Policy)>, Vec<Problem>> {
    limits::check(&source.text, Language::Policy).map_err(|p| vec![p.in_source(&source.name)])?;
    let set = PolicySet::from_str(&source.text).map_err(|e| problems_of(&e, source))?;
    let refuse = |message: String| vec![Problem::error(message).in_source(&source.name)];
    if set.templates().next().is_some() {
        return Err(refuse(
            "a policy with a slot such as `?principal` is a template; templates are not taken".into(),
        ));
    }
    let mut found: Vec<cedar_policy::Policy> = set.policies().cloned().collect();
    // Cedar names what it parses policy0, policy1 …: back into the order of the text.
    found.sort_by_key(|policy| policy.id().to_string().trim_start_matches("policy").parse::<usize>().ok());
    let expected = source.expected_id();
    if expected.is_some() && found.len() != 1 {
        return Err(refuse(format!("a file holds one policy; this one holds {}", found.len())));
    }
    let named = found.into_iter().map(|policy| {
        let Some(id) = policy.annotation("id").map(str::to_owned) else {
            return Err(refuse(match &expected {
                Some(id) => format!("the policy has no @id; its place asks for @id(\"{id}\")"),
                None => "a policy has no @id".to_owned(),
            }));
        };
        match &expected {
            Some(expected) if *expected != id => {
                Err(refuse(format!("the policy's @id is `{id}`, and its place asks for `{expected}`")))
            }
            _ => {
                let unknown = annotations::check(&policy, source);
                if !unknown.is_empty() {
                    return Err(unknown);
                }
                let info = describe(&policy, &id, source);
                Ok((policy.new_id(PolicyId::new(id)), info))
            }
        }
    });
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for policy in named {
        match policy {
            Ok(policy) => good.push(policy),
            Err(problems) => bad.extend(problems),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

impl Sources {
    /// With actions besides those of the schema: what policies that stand in a folder of their own are asked. They come
    /// first in the text, so that a place in them is a place in their file.
    #[must_use]
    pub fn asked_by(self, actions: &Source) -> Self {
        let schema = format!("{}\n{}", actions.text, self.schema.text);
        Sources { schema: Source::new(actions.name.clone(), schema), ..self }
    }

    /// Whether the schema says what that of `other` says, whatever their comments, their layout and the order of their
    /// declarations. Of a schema that cannot be read only the same text says the same.
    #[must_use]
    pub fn has_schema_of(&self, other: &Sources) -> bool {
        same_schema(&self.schema, &other.schema)
    }

    /// The annotations of each policy of a text, read without a schema.
    ///
    /// # Errors
    /// [`Error::is_policies`] where the text is not policies.
    #[cfg(feature = "author")]
    pub fn annotations(source: &Source) -> Result<Vec<Annotations>, Error> {
        let refuse = |problems| Error::policies(problems);
        limits::check(&source.text, Language::Policy).map_err(|p| refuse(vec![p.in_source(&source.name)]))?;
        let set = PolicySet::from_str(&source.text).map_err(|e| refuse(problems_of(&e, source)))?;
        let of = |policy: &cedar_policy::Policy| {
            policy.annotations().map(|(name, value)| (name.into(), value.into())).collect()
        };
        Ok(set.policies().map(of).collect())
    }
}

fn describe(policy: &cedar_policy::Policy, id: &str, source: &Source) -> Policy {
    let annotation = |name: &str| policy.annotation(name).map(Arc::from);
    Policy {
        id: id.into(),
        effect: match policy.effect() {
            cedar_policy::Effect::Permit => Effect::Permit,
            cedar_policy::Effect::Forbid => Effect::Forbid,
        },
        rule: annotation("rule"),
        description: annotation("description"),
        annotations: policy.annotations().map(|(k, v)| (k.into(), v.into())).collect(),
        source: source.name.clone(),
    }
}

/// Strict validation; returns the warnings.
fn validate(
    cedar_schema: &CedarSchema,
    schema: &Schema,
    set: &PolicySet,
    sources: &HashMap<Arc<str>, Source>,
) -> Result<Vec<Problem>, Vec<Problem>> {
    let result = Validator::new(cedar_schema.clone()).validate(set, ValidationMode::Strict);
    let nowhere = Source::new("", "");
    let source_of = |id: &PolicyId| sources.get(AsRef::<str>::as_ref(id)).unwrap_or(&nowhere);
    let errors = mistakes::problems(result.validation_errors(), set, sources, schema);
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut warnings: Vec<Problem> =
        result.validation_warnings().flat_map(|w| problems_of(w, source_of(w.policy_id()))).collect();
    for warning in &mut warnings {
        warning.severity = Severity::Warning;
    }
    Problem::sort(&mut warnings);
    warnings.dedup();
    Ok(warnings)
}

/// Cedar's diagnostic, and those related to it, as problems of one source.
pub(super) fn problems_of(diagnostic: &dyn Diagnostic, source: &Source) -> Vec<Problem> {
    let span = diagnostic
        .labels()
        .and_then(|mut labels| labels.next())
        .map(|label| -> Range<usize> { label.offset()..label.offset() + label.len() });
    let label = diagnostic.labels().and_then(|mut labels| labels.next()?.label().map(str::to_owned));
    let message = match label {
        Some(label) => format!("{diagnostic}: {label}"),
        None => diagnostic.to_string(),
    };
    let problem = Problem {
        span: span.map(|span| Span::of(&source.text, span)),
        help: diagnostic.help().map(|help| nearest_of_list(&diagnostic.to_string(), help.to_string())),
        ..Problem::error(message).in_source(&source.name)
    };
    let related = diagnostic.related().into_iter().flatten();
    let mut problems = vec![problem];
    problems.extend(related.flat_map(|d| problems_of(d, source)));
    problems
}

/// For a name that is none of a list, which Cedar's help gives whole: the nearest of them first.
fn nearest_of_list(message: &str, help: String) -> String {
    let Some((_, list)) = help.split_once("valid entity eids: ") else { return help };
    let typed = message.split('`').nth_back(1).unwrap_or_default().trim_matches('"');
    let near = nearest(typed, list.split(", ").map(|name| name.trim_matches('"')));
    near.map_or_else(|| help.clone(), |name| format!("did you mean `\"{name}\"`? {help}"))
}

/// SHA-256 over the schema, every policy, in the order of their ids, and the catalogue, each part with its length.
fn hash(of: &Sources, policies: &[Policy], sources: &HashMap<Arc<str>, Source>) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    part(&of.schema.text);
    for policy in policies {
        part(&policy.id);
        part(sources.get(&policy.id).map_or("", |s| &s.text));
    }
    if let Some(catalogue) = &of.catalogue {
        part(&catalogue.text);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
