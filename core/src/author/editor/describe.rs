//! What a name stands for, in Markdown: types, rules, descriptions, comments of the schema.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use super::index::Symbol;
use super::sketch::{Outline, Sketch};
use super::toml::{Sort, leaves};
use super::types::{Asked, attributes};
use super::{Folder, comment_above};
use crate::cedar::limits::Tokens;
use crate::model::{Attribute, Schema};
use crate::policy::FilePart;

/// Policies that are named before the rest is counted.
const MOST_NAMED: usize = 8;

/// What is told of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The name, in bytes.
    pub span: Range<usize>,
    /// In Markdown.
    pub text: String,
}

impl Folder {
    /// What the name at a place stands for; `None` where nothing is known of it.
    pub fn hover(&self, file: &str, at: usize) -> Option<Hover> {
        let own = self.files.get(file)?;
        let mut told: Vec<String> = Vec::new();
        let mut span = None;
        for one in own.index.at(at) {
            let text = self.describe(&one.symbol, file, own.part);
            if let Some(text) = text.filter(|text| !told.contains(text)) {
                span = Some(one.span());
                told.push(text);
            }
        }
        match span {
            Some(span) => Some(Hover { span, text: told.join("\n\n---\n\n") }),
            None => self.variable(file, at),
        }
    }

    /// What is known of a symbol, in Markdown.
    pub(super) fn describe(&self, symbol: &Symbol, file: &str, part: FilePart) -> Option<String> {
        let schema = self.schema_of(part);
        match symbol {
            Symbol::Policy(id) => self.of_policy(id),
            Symbol::Condition(name) => self.of_condition(name),
            Symbol::Rule(rule) => self.of_rule(rule),
            Symbol::Value(annotation, name) => self.of_value(annotation, name),
            Symbol::Type(name) => self.of_type(name, schema?),
            Symbol::Action(uid) => self.of_action(uid, schema?),
            Symbol::Attribute(ty, name) => {
                let found = schema?.entity_type(schema?.type_id(ty)?)?;
                let (_, attribute) = found.attribute(name)?;
                Some(self.of_attribute(symbol, &format!("{ty}.{name}"), attribute, schema?))
            }
            Symbol::Field(uid, name) => {
                let attribute = schema?.action(uid)?.context.get(name.as_ref())?;
                Some(self.of_attribute(symbol, &format!("context.{name}"), attribute, schema?))
            }
            Symbol::Section(name) => self.of_section(name),
            Symbol::Entity(name) => self.of_entity(name, file),
        }
    }

    fn of_policy(&self, id: &str) -> Option<String> {
        let text = self.text(self.file_of(id)?)?;
        let sketch = Sketch::of(text);
        let is_it = |policy: &&Outline<'_>| annotation(policy, "id") == Some(id);
        let policy = sketch.policies.iter().find(is_it)?;
        let effect = text.get(policy.span.clone()).filter(|text| text.contains("forbid"));
        let effect = if effect.is_some_and(|_| is_forbid(&sketch, policy)) { "forbid" } else { "permit" };
        let mut out = format!("**{id}** · {effect}");
        for name in ["rule", "invariant", "guarantee"] {
            if let Some(rule) = annotation(policy, name) {
                let _ = write!(out, " · {name} {rule}");
            }
        }
        if let Some(description) = annotation(policy, "description") {
            let _ = write!(out, "\n\n{description}");
        }
        Some(out)
    }

    fn of_condition(&self, name: &str) -> Option<String> {
        let symbol = Symbol::Condition(name.into());
        let mut ids = BTreeSet::new();
        let mut first = None;
        for (file, own) in self.policies() {
            let defines = own.index.occurrences.iter().any(|one| one.symbol == symbol && one.is_definition);
            if defines {
                ids.insert(file.trim_end_matches(".cedar").replace('/', "."));
                first = first.or_else(|| clause_text(&own.text, name));
            }
        }
        let text = first?;
        Some(format!("**{name}**: a condition of {}\n\n```cedar\n{text}\n```", named(&ids)))
    }

    fn of_rule(&self, rule: &str) -> Option<String> {
        let symbol = Symbol::Rule(rule.into());
        let mut out = format!("Rule **{rule}**");
        let mut is_known = false;
        for (_, file) in self.policies() {
            if !file.index.occurrences.iter().any(|one| one.symbol == symbol && one.is_definition) {
                continue;
            }
            for policy in &Sketch::of(&file.text).policies {
                if annotation(policy, "rule") == Some(rule) {
                    let (id, says) = (annotation(policy, "id"), annotation(policy, "description"));
                    let _ = write!(out, "\n- `{}`: {}", id.unwrap_or("?"), says.unwrap_or("no description"));
                    is_known = true;
                }
            }
        }
        is_known.then_some(out)
    }

    fn of_value(&self, annotation: &str, name: &str) -> Option<String> {
        let value = self.known.as_ref()?.of(annotation)?.iter().find(|value| value.name.as_ref() == name)?;
        let question = value.question.as_ref().map_or_else(String::new, |text| format!("\n\n*{text}*"));
        Some(format!("{annotation} **{name}**{question}\n\n{}", value.reading))
    }

    fn of_type(&self, name: &str, schema: &Schema) -> Option<String> {
        let ty = schema.entity_type(schema.type_id(name)?)?;
        let mut code = format!("entity {name}");
        match &ty.choices {
            Some(choices) => {
                let all: Vec<String> = choices.iter().map(|choice| format!("{choice:?}")).collect();
                let _ = write!(code, " enum [{}]", all.join(", "));
            }
            None => {
                let fields = ty.attributes.iter().map(|(name, attribute)| {
                    format!("  {name}{}: {}", mark(attribute), schema.show(&attribute.ty))
                });
                let fields: Vec<String> = fields.collect();
                if !fields.is_empty() {
                    let _ = write!(code, " {{\n{}\n}}", fields.join("\n"));
                }
            }
        }
        Some(fenced(&code, self.comment_of(&Symbol::Type(name.into()), name)))
    }

    fn of_action(&self, uid: &str, schema: &Schema) -> Option<String> {
        let action = schema.action(uid)?;
        let types = |ids: &[crate::model::TypeId]| {
            let names = ids.iter().filter_map(|ty| schema.entity_type(*ty)).map(|ty| ty.name.as_ref());
            names.collect::<Vec<&str>>().join(", ")
        };
        let context = action
            .context
            .iter()
            .map(|(name, field)| format!("{name}{}: {}", mark(field), schema.show(&field.ty)));
        let context: Vec<String> = context.collect();
        let code = format!(
            "{uid}\n  principal: {}\n  resource: {}\n  context: {{ {} }}",
            types(&action.principals),
            types(&action.resources),
            context.join(", ")
        );
        let comment = self.comment_of(&Symbol::Action(uid.into()), action.uid.id());
        let symbol = Symbol::Action(uid.into());
        let naming = self.policies().filter(|(_, file)| file.part == FilePart::Policy);
        let naming = naming.filter(|(_, file)| file.index.occurrences.iter().any(|one| one.symbol == symbol));
        let ids: BTreeSet<String> =
            naming.map(|(name, _)| name.trim_end_matches(".cedar").replace('/', ".")).collect();
        let told = if ids.is_empty() { String::new() } else { format!("\n\nNamed by {}", named(&ids)) };
        Some(fenced(&code, comment) + &told)
    }

    fn of_attribute(&self, symbol: &Symbol, called: &str, attribute: &Attribute, schema: &Schema) -> String {
        let code = format!("{called}{}: {}", mark(attribute), schema.show(&attribute.ty));
        let name = called.rsplit('.').next().unwrap_or(called);
        fenced(&code, self.comment_of(symbol, name))
    }

    fn of_section(&self, name: &str) -> Option<String> {
        let (_, catalogue) = self.of_part(FilePart::Catalogue).next()?;
        let mut out = format!("Section **{name}**");
        let mut is_known = false;
        for leaf in leaves(&catalogue.text) {
            let path: Vec<&str> = leaf.path.iter().map(AsRef::as_ref).collect();
            if let ([ty, "sections", section], Sort::Text) = (path.as_slice(), leaf.sort)
                && *section == name
            {
                let _ = write!(out, "\n- of `{ty}`, shown to whoever may `{}`", leaf.text);
                is_known = true;
            }
        }
        is_known.then_some(out)
    }

    /// What a file of cases says of an entity of its world.
    fn of_entity(&self, name: &str, file: &str) -> Option<String> {
        let (ty, id) = name.split_once('.')?;
        let text = self.text(file)?;
        let of: Vec<_> = leaves(text);
        let own = of.iter().filter(|leaf| {
            let path: Vec<&str> = leaf.path.iter().map(AsRef::as_ref).collect();
            leaf.sort == Sort::Key && matches!(path.as_slice(), ["world", a, b] if *a == ty && *b == id)
        });
        let lines = own.filter_map(|leaf| text.get(leaf.span.start..)?.lines().next());
        let lines: Vec<&str> = lines.collect();
        Some(format!("**{name}**\n\n```toml\n{}\n```", lines.join("\n")))
    }

    /// The comment above where the schema declares it; of one for several names, the line that starts with this.
    pub(super) fn comment_of(&self, symbol: &Symbol, name: &str) -> Option<String> {
        let schemas =
            [FilePart::Schema, FilePart::FitActions].into_iter().flat_map(|part| self.of_part(part));
        let comment = schemas.into_iter().find_map(|(_, file)| {
            let one = file.index.occurrences.iter().find(|one| one.symbol == *symbol && one.is_definition)?;
            comment_above(&file.text, one.start)
        })?;
        let own = comment.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        match own {
            Some(own) => Some(own.trim().to_owned()),
            // It speaks of others.
            None if comment
                .lines()
                .all(|line| line.split_once(": ").is_some_and(|(of, _)| !of.contains(' '))) =>
            {
                None
            }
            None => Some(comment),
        }
    }

    /// The types that a policy leaves a variable.
    fn variable(&self, file: &str, at: usize) -> Option<Hover> {
        let own = self.files.get(file).filter(|file| super::is_policies(file.part))?;
        let schema = self.schema_of(own.part)?;
        let sketch = Sketch::of(&own.text);
        let token = sketch.tokens.iter().find(|token| token.span.start <= at && at <= token.span.end)?;
        let policy = sketch.policy_at(at)?;
        let asked = Asked::of(sketch.part(&policy.head), schema);
        let of = asked.root(token.text)?;
        let text = match token.text {
            "context" => {
                let mut fields: Vec<String> = Vec::new();
                for (name, field) in of.iter().flat_map(|holder| attributes(holder, schema)) {
                    let line = format!("  {name}{}: {}", mark(field), schema.show(&field.ty));
                    if !fields.contains(&line) {
                        fields.push(line);
                    }
                }
                format!("```cedar\ncontext {{\n{}\n}}\n```", fields.join("\n"))
            }
            variable => {
                let types = asked.types_of(variable).iter().filter_map(|ty| schema.entity_type(*ty));
                let names: Vec<&str> = types.map(|ty| ty.name.as_ref()).collect();
                format!("```cedar\n{variable}: {}\n```", names.join(" | "))
            }
        };
        Some(Hover { span: token.span.clone(), text })
    }
}

/// The value of an annotation of a policy.
pub(super) fn annotation<'t>(policy: &Outline<'t>, name: &str) -> Option<&'t str> {
    policy.annotations.iter().find(|one| one.name == name).map(|one| one.value)
}

fn is_forbid(sketch: &Sketch<'_>, policy: &Outline<'_>) -> bool {
    // The word stands right before the bracket of the head.
    let word = policy.head.start.checked_sub(2).and_then(|at| sketch.tokens.get(at));
    word.is_some_and(|token| token.text == "forbid")
}

/// The text of the clause with this name.
pub(super) fn clause_text(text: &str, name: &str) -> Option<String> {
    let sketch = Sketch::of(text);
    let mut clauses = sketch.policies.iter().flat_map(|policy| {
        let ends = policy
            .clauses
            .iter()
            .skip(1)
            .map(|clause| clause.name.as_ref().map_or(clause.keyword.start, |(_, at)| at.start));
        policy.clauses.iter().zip(ends.chain([policy.span.end]))
    });
    let (clause, end) =
        clauses.find(|(clause, _)| clause.name.as_ref().is_some_and(|(own, _)| *own == name))?;
    let own = text.get(clause.keyword.start..end)?;
    let last = Tokens::new(own).filter(|token| token.text != ";").last()?;
    Some(own.get(..last.span.end)?.to_owned())
}

fn mark(attribute: &Attribute) -> &'static str {
    if attribute.required { "" } else { "?" }
}

fn fenced(code: &str, comment: Option<String>) -> String {
    let comment = comment.map_or_else(String::new, |comment| format!("\n\n{comment}"));
    format!("```cedar\n{code}\n```{comment}")
}

/// The first few of many.
fn named(ids: &BTreeSet<String>) -> String {
    let first: Vec<String> = ids.iter().take(MOST_NAMED).map(|id| format!("`{id}`")).collect();
    match ids.len().saturating_sub(MOST_NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// For a type of the schema: its name.
pub(super) fn type_names(schema: &Schema) -> impl Iterator<Item = &Arc<str>> {
    schema.entity_types().iter().map(|ty| &ty.name)
}
