//! The types of what a policy reads, as far as its text says them: also while somebody types, when it is no policy yet.
//!
//! Paths are followed from `principal`, `resource`, `context` and entities that are written out, token by token. A
//! variable has the types that the head and the schema leave it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::cedar::limits::Token;
use crate::model::{Action, Attribute, Schema, Type, TypeId};

/// What a path may have led to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Holder {
    /// A value of a type.
    Value(Type),
    /// The context of the action at this place of the schema.
    Context(usize),
}

/// An attribute or a field that is read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) span: Range<usize>,
    pub(super) name: String,
    /// What has it, by what the path may have led to.
    pub(super) of: Vec<Holder>,
}

/// A place behind which an attribute goes.
#[derive(Debug)]
pub(super) struct Step {
    /// Behind the `.` or the `has`.
    pub(super) at: usize,
    pub(super) of: Vec<Holder>,
    /// Whether `has` asks for it.
    pub(super) is_has: bool,
}

/// What a text reads.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) reads: Vec<Read>,
    pub(super) steps: Vec<Step>,
}

/// What a policy's head leaves of the schema.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    principals: Vec<TypeId>,
    resources: Vec<TypeId>,
    actions: Vec<usize>,
}

impl Asked {
    /// By the tokens between the brackets of a head, as far as they are there.
    pub(super) fn of(head: &[Token<'_>], schema: &Schema) -> Self {
        let mut parts = Parts::of(head);
        let (principal, action, resource) = (parts.take(), parts.take(), parts.take());
        let named = actions_in(action, schema);
        let (principal, resource) = (types_in(principal, schema), types_in(resource, schema));
        let takes = |types: &[TypeId], wanted: &Option<Vec<TypeId>>| {
            wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|ty| types.contains(ty)))
        };
        let actions = schema.actions().iter().filter(|action| {
            named.as_ref().is_none_or(|named| named.contains(&action.place))
                && takes(&action.principals, &principal)
                && takes(&action.resources, &resource)
        });
        let actions: Vec<&Action> = actions.collect();
        let left = |of: fn(&Action) -> &Vec<TypeId>, wanted: Option<Vec<TypeId>>| {
            let mut all: Vec<TypeId> = actions.iter().flat_map(|action| of(action).iter().copied()).collect();
            all.sort_unstable();
            all.dedup();
            match wanted {
                None => all,
                Some(wanted) if all.iter().any(|ty| wanted.contains(ty)) => {
                    all.into_iter().filter(|ty| wanted.contains(ty)).collect()
                }
                Some(wanted) => wanted,
            }
        };
        Asked {
            principals: left(|action| &action.principals, principal),
            resources: left(|action| &action.resources, resource),
            actions: actions.iter().map(|action| action.place).collect(),
        }
    }

    /// The types that the head leaves a variable.
    pub(super) fn types_of(&self, variable: &str) -> &[TypeId] {
        if variable == "principal" { &self.principals } else { &self.resources }
    }

    /// What a variable may be; `None` for what is none.
    pub(super) fn root(&self, variable: &str) -> Option<Vec<Holder>> {
        let of = |types: &[TypeId]| types.iter().map(|ty| Holder::Value(Type::Entity(*ty))).collect();
        match variable {
            "principal" => Some(of(&self.principals)),
            "resource" => Some(of(&self.resources)),
            "context" => Some(self.actions.iter().map(|place| Holder::Context(*place)).collect()),
            _ => None,
        }
    }
}

/// A head's parts between its commas.
struct Parts<'a, 't>(&'a [Token<'t>]);

impl<'a, 't> Parts<'a, 't> {
    fn of(head: &'a [Token<'t>]) -> Self {
        Parts(head)
    }

    fn take(&mut self) -> &'a [Token<'t>] {
        let mut depth = 0_i32;
        let end = self.0.iter().position(|token| {
            match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            token.text == "," && depth == 0
        });
        let (part, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        part
    }
}

/// The types that `is`, `==` or `in` leave of a variable; `None` for all.
fn types_in(part: &[Token<'_>], schema: &Schema) -> Option<Vec<TypeId>> {
    let at = |word: &str| part.iter().position(|token| token.text == word);
    let named = |from: usize| schema.type_id(&path_at(part, from + 1).0);
    if let Some(is) = at("is").or_else(|| at("==")) {
        return named(is).map(|ty| vec![ty]);
    }
    let above = named(at("in")?)?;
    let below = schema.entity_types().iter().filter(|ty| ty.ancestors.contains(&above));
    let below = below.filter_map(|ty| schema.type_id(&ty.name));
    Some(below.chain([above]).collect())
}

/// The actions that a part of a head names, with those in the groups that it names; `None` for all.
fn actions_in(part: &[Token<'_>], schema: &Schema) -> Option<Vec<usize>> {
    let named: Vec<String> = entities(part).map(|(name, id, _)| format!("{name}::{id}")).collect();
    if named.is_empty() {
        return None;
    }
    let is_meant = |action: &&Action| {
        named.contains(&action.uid.to_string())
            || action.groups.iter().any(|group| named.contains(&group.to_string()))
    };
    Some(schema.actions().iter().filter(is_meant).map(|action| action.place).collect())
}

/// The entities that are written out: type, id in its quotes, and the place of the first token of the type.
pub(super) fn entities<'a>(tokens: &'a [Token<'_>]) -> impl Iterator<Item = (String, &'a str, usize)> + 'a {
    let starts = (0..tokens.len()).filter(|at| {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        is_name(tokens.get(*at)) && before.is_none_or(|token| token.text != "::")
    });
    starts.filter_map(|at| {
        let (name, end) = path_at(tokens, at);
        let (colons, id) = (tokens.get(end)?, tokens.get(end + 1)?);
        (colons.text == "::" && id.text.starts_with('"')).then_some((name, id.text, at))
    })
}

/// The name with its namespaces that starts at a token, and the first token behind it.
pub(super) fn path_at(tokens: &[Token<'_>], start: usize) -> (String, usize) {
    let (mut name, mut at) = (String::new(), start);
    while is_name(tokens.get(at)) {
        name.push_str(tokens.get(at).map_or("", |token| token.text));
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") || !is_name(tokens.get(at + 1)) {
            break;
        }
        name.push_str("::");
        at += 1;
    }
    (name, at)
}

fn is_name(token: Option<&Token<'_>>) -> bool {
    token.is_some_and(|token| token.text.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// What was open before a bracket.
enum Open {
    /// What the value of what is in the brackets is.
    Is(Vec<Holder>),
    /// `path["name"]`.
    Index(Vec<Holder>),
}

/// Follows every path of a text.
pub(super) fn walk(tokens: &[Token<'_>], asked: &Asked, schema: &Schema) -> Walk {
    let mut walk = Walker { schema, found: Walk::default(), here: Vec::new(), open: Vec::new() };
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at)).map_or("", |token| token.text);
        let next = tokens.get(at + 1).map_or("", |token| token.text);
        at = match token.text {
            "." | "has" => {
                let of = walk.here.clone();
                walk.found.steps.push(Step { at: token.span.end, of, is_has: token.text == "has" });
                at + 1
            }
            "(" | "[" | "{" => {
                walk.enter(token.text, before);
                at + 1
            }
            ")" | "]" | "}" => {
                walk.here = match walk.open.pop() {
                    Some(Open::Is(holders)) => holders,
                    Some(Open::Index(_)) => std::mem::take(&mut walk.here),
                    None => Vec::new(),
                };
                at + 1
            }
            text if text.starts_with('"') => {
                walk.text(token, before);
                at + 1
            }
            _ if !is_name(Some(token)) => {
                walk.here.clear();
                at + 1
            }
            name if before == "." && next == "(" => {
                let of = std::mem::take(&mut walk.here);
                walk.here = method(name, &of, schema);
                at + 1
            }
            name if before == "." || before == "has" => {
                walk.read(name.to_owned(), token.span.clone());
                at + 1
            }
            name if next == "::" => walk.entity(tokens, at, name),
            name => {
                walk.here = asked.root(name).unwrap_or_else(|| function(name, next));
                at + 1
            }
        };
    }
    walk.found
}

struct Walker<'a> {
    schema: &'a Schema,
    found: Walk,
    /// What the path that ends here led to.
    here: Vec<Holder>,
    open: Vec<Open>,
}

impl Walker<'_> {
    fn enter(&mut self, bracket: &str, before: &str) {
        let here = std::mem::take(&mut self.here);
        let is_value =
            before.starts_with(|c: char| c.is_alphanumeric() || c == '_') || [")", "]"].contains(&before);
        self.open.push(match bracket {
            // The value of a call was put there by its name.
            "(" if is_value => Open::Is(here),
            "[" if is_value && !here.is_empty() => Open::Index(here),
            _ => Open::Is(Vec::new()),
        });
    }

    fn text(&mut self, token: &Token<'_>, before: &str) {
        let inside = inside(token);
        let name = token.text.trim_matches('"').to_owned();
        match self.open.last_mut() {
            _ if before == "has" => self.read(name, inside),
            Some(Open::Index(of)) if before == "[" => {
                self.here = std::mem::take(of);
                self.read(name, inside);
            }
            _ => self.here.clear(),
        }
    }

    fn read(&mut self, name: String, span: Range<usize>) {
        let of = std::mem::take(&mut self.here);
        let has = |holder: &&Holder| attributes(holder, self.schema).contains_key(name.as_str());
        let of: Vec<Holder> = of.iter().filter(has).cloned().collect();
        for holder in &of {
            if let Some(attribute) = attributes(holder, self.schema).get(name.as_str()) {
                let led = Holder::Value(attribute.ty.clone());
                if !self.here.contains(&led) {
                    self.here.push(led);
                }
            }
        }
        self.found.reads.push(Read { span, name, of });
    }

    /// `Type::"id"`; the next token behind it.
    fn entity(&mut self, tokens: &[Token<'_>], at: usize, name: &str) -> usize {
        let (path, end) = path_at(tokens, at);
        let is_entity = tokens.get(end).is_some_and(|token| token.text == "::")
            && tokens.get(end + 1).is_some_and(|token| token.text.starts_with('"'));
        self.here.clear();
        if !is_entity {
            return end.max(at + 1);
        }
        if name != "Action" {
            self.here.extend(self.schema.type_id(&path).map(|ty| Holder::Value(Type::Entity(ty))));
        }
        end + 2
    }
}

/// The attributes of an entity, the fields of a record or of a context, by name.
pub(super) fn attributes<'a>(holder: &'a Holder, schema: &'a Schema) -> BTreeMap<&'a str, &'a Attribute> {
    let fields = |fields: &'a BTreeMap<Arc<str>, Attribute>| {
        fields.iter().map(|(name, attribute)| (name.as_ref(), attribute)).collect()
    };
    match holder {
        Holder::Value(Type::Entity(ty)) => {
            let all = schema.entity_type(*ty).into_iter().flat_map(|ty| &ty.attributes);
            all.map(|(name, attribute)| (name.as_ref(), attribute)).collect()
        }
        Holder::Value(Type::Record(of)) => fields(of),
        Holder::Context(place) => match schema.actions().get(*place) {
            Some(action) => fields(&action.context),
            None => BTreeMap::new(),
        },
        Holder::Value(_) => BTreeMap::new(),
    }
}

/// The calls that a value takes, each with what it is given.
pub(super) fn methods(holder: &Holder, schema: &Schema) -> &'static [(&'static str, &'static str)] {
    match holder {
        Holder::Value(Type::Set(_)) => &[
            ("contains", "(one): is it among them?"),
            ("containsAll", "(set): are all of that set among them?"),
            ("containsAny", "(set): is one of that set among them?"),
            ("isEmpty", "(): is there none?"),
        ],
        Holder::Value(Type::Entity(ty)) if schema.entity_type(*ty).is_some_and(|ty| ty.tags.is_some()) => {
            &[("hasTag", "(name): has it this tag?"), ("getTag", "(name): the value of this tag")]
        }
        Holder::Value(Type::Datetime) => &[
            ("offset", "(duration): the instant so much later"),
            ("durationSince", "(datetime): how much later it is"),
            ("toDate", "(): midnight of that day, in UTC"),
            ("toTime", "(): how long after midnight, in UTC"),
        ],
        Holder::Value(Type::Duration) => &[
            ("toMilliseconds", "(): a Long"),
            ("toSeconds", "(): a Long"),
            ("toMinutes", "(): a Long"),
            ("toHours", "(): a Long"),
            ("toDays", "(): a Long"),
        ],
        Holder::Value(Type::Decimal) => &[
            ("lessThan", "(decimal)"),
            ("lessThanOrEqual", "(decimal)"),
            ("greaterThan", "(decimal)"),
            ("greaterThanOrEqual", "(decimal)"),
        ],
        Holder::Value(Type::Ip) => &[
            ("isIpv4", "()"),
            ("isIpv6", "()"),
            ("isLoopback", "()"),
            ("isMulticast", "()"),
            ("isInRange", "(range)"),
        ],
        _ => &[],
    }
}

/// What a call of a value is.
fn method(name: &str, of: &[Holder], schema: &Schema) -> Vec<Holder> {
    let ty = match name {
        "offset" | "toDate" => Type::Datetime,
        "durationSince" | "toTime" => Type::Duration,
        "getTag" => {
            let tags = of.iter().filter_map(|holder| match holder {
                Holder::Value(Type::Entity(ty)) => schema.entity_type(*ty)?.tags.clone(),
                _ => None,
            });
            return tags.map(Holder::Value).collect();
        }
        _ if name.starts_with("to") => Type::Long,
        _ => Type::Bool,
    };
    vec![Holder::Value(ty)]
}

/// What a call of a function is.
fn function(name: &str, next: &str) -> Vec<Holder> {
    let ty = match name {
        _ if next != "(" => return Vec::new(),
        "datetime" => Type::Datetime,
        "duration" => Type::Duration,
        "decimal" => Type::Decimal,
        "ip" => Type::Ip,
        _ => return Vec::new(),
    };
    vec![Holder::Value(ty)]
}

/// What stands between the quotes of a text.
pub(super) fn inside(token: &Token<'_>) -> Range<usize> {
    let is_closed = token.text.len() > 1 && token.text.ends_with('"');
    let start = (token.span.start + 1).min(token.span.end);
    start..token.span.end.saturating_sub(usize::from(is_closed)).max(start)
}
