//! Writes random expressions of the policy language, of a wanted type, for one request environment.

use super::Choices;
use crate::model::{Action, Attribute, Schema, Type, TypeId};

/// Writes expressions for one request environment.
pub(super) struct Writer<'a, 'b> {
    pub(super) schema: &'a Schema,
    pub(super) choices: &'a mut Choices<'b>,
    /// What the request, or an entity that the policy names, leads to in up to three steps.
    places: Vec<(Type, Guarded)>,
}

/// An expression, and what must hold before it may be evaluated.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) text: String,
    pub(super) guards: Vec<String>,
}

impl Guarded {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Guarded { text: text.into(), guards: Vec::new() }
    }

    /// Another expression made of this one.
    pub(super) fn map(self, text: impl FnOnce(&str) -> String) -> Self {
        Guarded { text: text(&self.text), guards: self.guards }
    }

    /// An expression made of this one and another.
    pub(super) fn with(self, other: Guarded, text: impl FnOnce(&str, &str) -> String) -> Self {
        let text = text(&self.text, &other.text);
        Guarded { text, guards: self.guards.into_iter().chain(other.guards).collect() }
    }

    /// The condition with its guards before it.
    pub(super) fn condition(mut self) -> String {
        if self.guards.is_empty() {
            return self.text;
        }
        self.guards.push(self.text);
        format!("({})", self.guards.join(" && "))
    }
}

impl<'a, 'b> Writer<'a, 'b> {
    /// A writer for one request environment; `absent` names an entity that is not there more often than not.
    pub(super) fn new(
        schema: &'a Schema,
        action: &Action,
        principal: TypeId,
        resource: TypeId,
        choices: &'a mut Choices<'b>,
        absent: bool,
    ) -> Self {
        let mut places = vec![
            (Type::Entity(principal), Guarded::plain("principal")),
            (Type::Entity(resource), Guarded::plain("resource")),
        ];
        places.extend(
            action.context.iter().map(|(name, field)| reach(&Guarded::plain("context"), name, field)),
        );
        let mut writer = Writer { schema, choices, places: Vec::new() };
        if !writer.choices.chance(1, 2) {
            let ty = writer.entity_type();
            let named = writer.literal(&Type::Entity(ty));
            places.push((Type::Entity(ty), named));
        } else if absent {
            let ty = writer.entity_type();
            let name = schema.entity_type(ty).filter(|ty| ty.choices.is_none()).map(|ty| ty.name.clone());
            let named = name.map(|name| Guarded::plain(format!("{name}::\"nowhere\"")));
            places.extend(named.map(|named| (Type::Entity(ty), named)));
        }
        writer.places = places;
        let mut from = 0;
        for _ in 0..3 {
            let end = writer.places.len();
            let found: Vec<_> =
                writer.places.iter().skip(from).flat_map(|(ty, place)| writer.steps(ty, place)).collect();
            writer.places.extend(found);
            from = end;
        }
        writer
    }

    fn steps(&self, ty: &Type, place: &Guarded) -> Vec<(Type, Guarded)> {
        match ty {
            Type::Entity(id) => {
                let Some(of) = self.schema.entity_type(*id) else { return Vec::new() };
                let mut found: Vec<_> = of.attributes.iter().map(|(name, a)| reach(place, name, a)).collect();
                for (name, tags) in of.tags.iter().flat_map(|tags| ["a", "b"].map(|name| (name, tags))) {
                    found.push((tags.clone(), tag(place.clone(), Guarded::plain(format!("\"{name}\"")))));
                }
                found
            }
            Type::Record(fields) => fields.iter().map(|(name, field)| reach(place, name, field)).collect(),
            _ => Vec::new(),
        }
    }

    /// Every place of a type that `wanted` takes.
    pub(super) fn places(&self, wanted: impl Fn(&Type) -> bool) -> Vec<(Type, Guarded)> {
        self.places.iter().filter(|(ty, _)| wanted(ty)).cloned().collect()
    }

    /// A condition, nested up to `depth`.
    pub(super) fn bool(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.value(&Type::Bool, 0).condition();
        }
        match self.choices.below(18) {
            0 => format!("!({})", self.bool(depth - 1)),
            1 => format!("({} && {})", self.bool(depth - 1), self.bool(depth - 1)),
            2 | 3 => format!("({} || {})", self.bool(depth - 1), self.bool(depth - 1)),
            4 => {
                let (test, then, or) = (self.bool(depth - 1), self.bool(depth - 1), self.bool(depth - 1));
                format!("(if {test} then {then} else {or})")
            }
            5..=7 => {
                let operator = self.one(&["<", "<=", "==", "!=", ">", ">="]);
                self.pair(&Type::Long, depth + 1, operator)
            }
            8 => {
                let ty = if self.choices.chance(1, 2) { Type::Datetime } else { Type::Duration };
                let operator = self.one(&["<", "<=", "==", ">", ">="]);
                self.pair(&ty, depth + 1, operator)
            }
            9 => {
                let method = self.one(&super::operators::DECIMAL);
                self.method(&Type::Decimal, method)
            }
            10 => {
                let method = self.one(&super::operators::IP);
                self.address(method)
            }
            11 => self.like(),
            12 => {
                let operator = self.one(&["is", "in", "is-in"]);
                self.hierarchy(operator)
            }
            13 => {
                let method = self.one(&["contains", "containsAll", "containsAny", "isEmpty"]);
                self.set(method)
            }
            14 => {
                let (ty, operator) = (self.any_type(), self.one(&["==", "!="]));
                self.pair(&ty, depth, operator)
            }
            15 => self.has(),
            16 => self.has_tag(),
            _ => self.value(&Type::Bool, 0).condition(),
        }
    }

    pub(super) fn pair(&mut self, ty: &Type, depth: usize, operator: &str) -> String {
        let (a, b) = (self.value(ty, depth.saturating_sub(1)), self.value(ty, depth.saturating_sub(1)));
        a.with(b, |a, b| format!("({a} {operator} {b})")).condition()
    }

    pub(super) fn method(&mut self, ty: &Type, method: &str) -> String {
        let (a, b) = (self.value(ty, 1), self.value(ty, 1));
        a.with(b, |a, b| format!("{a}.{method}({b})")).condition()
    }

    pub(super) fn address(&mut self, method: &str) -> String {
        if method == "isInRange" {
            return self.method(&Type::Ip, method);
        }
        self.value(&Type::Ip, 1).map(|ip| format!("{ip}.{method}()")).condition()
    }

    pub(super) fn like(&mut self) -> String {
        let pattern = self.one(&["*", "a*", "*b", "*unknown*", "", "a\\*", "*n*o*", "\\u{e9}*", "a"]);
        self.value(&Type::String, 1).map(|text| format!("({text} like \"{pattern}\")")).condition()
    }

    pub(super) fn hierarchy(&mut self, operator: &str) -> String {
        let a = self.entity_type();
        // Mostly a type that the left side can lie in, or its own.
        let near = self.schema.entity_type(a).map(|ty| ty.ancestors.clone()).unwrap_or_default();
        let b = match self.choices.below(4) {
            0 => self.entity_type(),
            1 => a,
            _ => self.choices.pick(&near).copied().unwrap_or(a),
        };
        let left = self.value(&Type::Entity(a), 1);
        let asked = if self.choices.chance(3, 4) { a } else { b };
        let name = self.schema.entity_type(asked).map_or("", |ty| ty.name.as_ref());
        match operator {
            "is" => left.map(|a| format!("({a} is {name})")).condition(),
            _ => {
                let one = Type::Entity(b);
                let right = if self.choices.chance(1, 3) {
                    self.value(&Type::Set(Box::new(one)), 1)
                } else {
                    self.value(&one, 1)
                };
                let word = if operator == "in" { "in".to_owned() } else { format!("is {name} in") };
                left.with(right, |a, b| format!("({a} {word} {b})")).condition()
            }
        }
    }

    pub(super) fn set(&mut self, method: &str) -> String {
        let element = self.element_type();
        let of = Type::Set(Box::new(element.clone()));
        let set = self.value(&of, 1);
        match method {
            "isEmpty" => set.map(|set| format!("{set}.isEmpty()")).condition(),
            "contains" => {
                let one = self.value(&element, 1);
                set.with(one, |set, one| format!("{set}.contains({one})")).condition()
            }
            _ => {
                let other = self.value(&of, 1);
                set.with(other, |set, other| format!("{set}.{method}({other})")).condition()
            }
        }
    }

    /// Mostly of a set that is there.
    fn element_type(&mut self) -> Type {
        let there = self.places(|ty| matches!(ty, Type::Set(_)));
        match self.choices.pick(&there) {
            Some((Type::Set(element), _)) if self.choices.chance(3, 4) => (**element).clone(),
            _ => self.any_type(),
        }
    }

    /// Whether something has an attribute, or a field, or a path of them.
    pub(super) fn has(&mut self) -> String {
        let mut all = self.places(|ty| match ty {
            Type::Entity(id) => self.schema.entity_type(*id).is_some_and(|ty| !ty.attributes.is_empty()),
            Type::Record(_) => true,
            _ => false,
        });
        if self.choices.chance(1, 8) {
            let ty = self.entity_type();
            all = vec![(Type::Entity(ty), self.literal(&Type::Entity(ty)))];
        }
        let Some((ty, place)) = self.choices.pick(&all).cloned() else { return "(context has f0)".into() };
        if !self.choices.chance(3, 4) {
            // What nothing of the type has: false, unless the operand has no value.
            return place.map(|of| format!("({of} has other)")).condition();
        }
        let Some((name, field)) = self.field_of(&ty) else { return "true".into() };
        let inner = self.field_of(&field.ty).filter(|_| self.choices.chance(2, 3));
        let path = inner.map_or_else(|| name.clone(), |(inner, _)| format!("{name}.{inner}"));
        place.map(|of| format!("({of} has {path})")).condition()
    }

    fn field_of(&mut self, ty: &Type) -> Option<(String, Attribute)> {
        let fields: Vec<(String, Attribute)> = match ty {
            Type::Entity(id) => {
                let of = self.schema.entity_type(*id)?;
                of.attributes.iter().map(|(name, a)| (name.to_string(), a.clone())).collect()
            }
            Type::Record(fields) => fields.iter().map(|(name, a)| (name.to_string(), a.clone())).collect(),
            _ => Vec::new(),
        };
        self.choices.pick(&fields).cloned()
    }

    pub(super) fn has_tag(&mut self) -> String {
        match self.tagged() {
            Some((place, key, _)) => place.with(key, |of, key| format!("{of}.hasTag({key})")).condition(),
            None => self.has(),
        }
    }

    /// Something with tags, the name of one, and their type.
    pub(super) fn tagged(&mut self) -> Option<(Guarded, Guarded, Type)> {
        let all = self.places(
            |ty| matches!(ty, Type::Entity(id) if self.schema.entity_type(*id).is_some_and(|ty| ty.tags.is_some())),
        );
        let (ty, place) = self.choices.pick(&all)?.clone();
        let Type::Entity(id) = ty else { return None };
        let tags = self.schema.entity_type(id)?.tags.clone()?;
        let key = if self.choices.chance(1, 3) {
            self.value(&Type::String, 1)
        } else {
            Guarded::plain(self.one(&["\"a\"", "\"b\""]))
        };
        Some((place, key, tags))
    }

    pub(super) fn one(&mut self, all: &[&'static str]) -> &'static str {
        self.choices.pick(all).copied().unwrap_or_default()
    }

    pub(super) fn entity_type(&mut self) -> TypeId {
        TypeId(u16::try_from(self.choices.below(self.schema.entity_types().len())).unwrap_or(0))
    }

    pub(super) fn any_type(&mut self) -> Type {
        match self.choices.below(12) {
            0 => Type::Bool,
            1 => Type::Long,
            2 => Type::String,
            3 => Type::Decimal,
            4 => Type::Ip,
            5 => Type::Datetime,
            6 => Type::Duration,
            7 | 8 => Type::Entity(self.entity_type()),
            // Whatever is there: sets and records too.
            _ => self.choices.pick(&self.places).map_or(Type::Bool, |(ty, _)| ty.clone()),
        }
    }
}

/// The tag of that name, behind a test for it.
pub(super) fn tag(of: Guarded, key: Guarded) -> Guarded {
    let test = format!("{}.hasTag({})", of.text, key.text);
    let mut read = of.with(key, |of, key| format!("{of}.getTag({key})"));
    read.guards.push(test);
    read
}

/// An attribute or a field, behind a test where it is optional.
pub(super) fn reach(from: &Guarded, name: &str, attribute: &Attribute) -> (Type, Guarded) {
    let mut guards = from.guards.clone();
    if !attribute.required {
        guards.push(format!("{} has {name}", from.text));
    }
    (attribute.ty.clone(), Guarded { text: format!("{}.{name}", from.text), guards })
}
