//! Random schemas, and random policies that strict validation takes.

use std::fmt::Write as _;

use super::Choices;
use crate::policy::{Source, Sources};
use crate::schema::{Action, Attribute, Schema, Type, TypeId};

/// A schema of up to four entity types, one of them enumerated, and up to three actions.
pub fn schema(choices: &mut Choices<'_>) -> String {
    let types = 2 + choices.below(3);
    let mut text = String::from("entity Mark enum [\"x\", \"y\", \"z\"];\n");
    for n in 0..types {
        // Only later types above, so that hierarchies of types stay plain; a type may lie in itself.
        let above: Vec<String> =
            (n..types).filter(|_| choices.chance(1, 3)).map(|m| format!("E{m}")).collect();
        let above = if above.is_empty() { String::new() } else { format!(" in [{}]", above.join(", ")) };
        let fields = fields(choices, types, 7);
        let tags = if choices.chance(1, 2) {
            format!(" tags {}", type_text(choices, types, 1))
        } else {
            String::new()
        };
        let _ = writeln!(text, "entity E{n}{above} = {{ {fields} }}{tags};");
    }
    for n in 0..=choices.below(3) {
        let (principal, resource) = (choices.below(types), choices.below(types));
        let context = fields(choices, types, 3);
        let _ = writeln!(
            text,
            "action a{n} appliesTo {{ principal: E{principal}, resource: [E{resource}, E0], context: {{ {context} }} }};"
        );
    }
    text
}

fn fields(choices: &mut Choices<'_>, types: usize, most: usize) -> String {
    let count = 1 + choices.below(most);
    let fields = (0..count).map(|n| {
        let optional = if choices.chance(1, 2) { "?" } else { "" };
        format!("f{n}{optional}: {}", type_text(choices, types, 2))
    });
    fields.collect::<Vec<_>>().join(", ")
}

fn type_text(choices: &mut Choices<'_>, types: usize, depth: usize) -> String {
    let kinds = if depth == 0 { 9 } else { 13 };
    match choices.below(kinds) {
        0 => "Bool".into(),
        1 | 2 => "Long".into(),
        3 => "String".into(),
        4 => "decimal".into(),
        5 => "ipaddr".into(),
        6 => "datetime".into(),
        7 => "duration".into(),
        8 => {
            if choices.chance(1, 4) {
                "Mark".into()
            } else {
                format!("E{}", choices.below(types))
            }
        }
        9..=11 => format!("Set<{}>", type_text(choices, types, depth - 1)),
        _ => {
            let (a, b) = (type_text(choices, types, depth - 1), type_text(choices, types, depth - 1));
            format!("{{ g0: {a}, g1?: {b} }}")
        }
    }
}

/// A text of policies for `schema`, each for one action and a principal and resource of its types.
///
/// Most of them are strictly valid; what validation refuses is for the caller to leave out, one by one.
pub fn policies(schema: &Schema, choices: &mut Choices<'_>, count: usize) -> Vec<Source> {
    let mut all = Vec::new();
    for n in 0..count {
        let Some(action) = choices.pick(schema.actions()) else { break };
        let types = (choices.pick(&action.principals).copied(), choices.pick(&action.resources).copied());
        let (Some(principal), Some(resource)) = types else { break };
        let name = |ty| schema.entity_type(ty).map_or("", |ty| ty.name.as_ref());
        let mut writer = Writer { schema, action, principal, resource, choices };
        let mut clauses = String::new();
        for _ in 0..=writer.choices.below(2) {
            let word = if writer.choices.chance(3, 4) { "when" } else { "unless" };
            let _ = write!(clauses, "\n{word} {{ {} }}", writer.bool(4));
        }
        let effect = if writer.choices.chance(2, 3) { "permit" } else { "forbid" };
        let text = format!(
            "@id(\"p{n}\") {effect} (principal is {}, action == {}, resource is {}){clauses};",
            name(principal),
            action.uid,
            name(resource)
        );
        all.push(Source::new(format!("random {n}"), text));
    }
    all
}

/// The ward of a random schema and those of `count` random policies that validation takes; how many it refused.
pub fn ward(choices: &mut Choices<'_>, count: usize) -> (Option<crate::Ward>, usize) {
    let schema = Source::new("schema", schema(choices));
    let mut sources = Sources { schema, policies: Vec::new() };
    let Ok(bare) = crate::Ward::new(&sources) else { return (None, 0) };
    let mut refused = 0;
    for policy in policies(bare.schema(), choices, count) {
        let alone = Sources { schema: sources.schema.clone(), policies: vec![policy.clone()] };
        match crate::Ward::new(&alone) {
            Ok(_) => sources.policies.push(policy),
            Err(_) => refused += 1,
        }
    }
    (crate::Ward::new(&sources).ok(), refused)
}

/// Writes expressions for one request environment.
struct Writer<'a, 'b> {
    schema: &'a Schema,
    action: &'a Action,
    principal: TypeId,
    resource: TypeId,
    choices: &'a mut Choices<'b>,
}

/// An expression, and what must hold before it may be evaluated.
struct Guarded {
    text: String,
    guards: Vec<String>,
}

impl Guarded {
    fn plain(text: impl Into<String>) -> Self {
        Guarded { text: text.into(), guards: Vec::new() }
    }

    /// The condition with its guards before it.
    fn condition(mut self) -> String {
        if self.guards.is_empty() {
            return self.text;
        }
        self.guards.push(self.text);
        format!("({})", self.guards.join(" && "))
    }
}

impl Writer<'_, '_> {
    /// A condition, nested up to `depth`.
    fn bool(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.value(&Type::Bool, 0).condition();
        }
        match self.choices.below(14) {
            0 => format!("!({})", self.bool(depth - 1)),
            1 => format!("({} && {})", self.bool(depth - 1), self.bool(depth - 1)),
            2 | 3 => format!("({} || {})", self.bool(depth - 1), self.bool(depth - 1)),
            4 => {
                let (test, then, or) = (self.bool(depth - 1), self.bool(depth - 1), self.bool(depth - 1));
                format!("(if {test} then {then} else {or})")
            }
            5 => self.pair(&Type::Long, depth, &[" < ", " <= ", " == ", " != ", " > ", " >= "]),
            6 => {
                let ty = if self.choices.chance(1, 2) { Type::Datetime } else { Type::Duration };
                self.pair(&ty, depth, &[" < ", " <= ", " == "])
            }
            7 => self.method(
                &Type::Decimal,
                &["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"],
            ),
            8 => self.address(),
            9 => self.like(),
            10 => self.hierarchy(),
            11 => self.set(),
            12 => {
                let ty = self.any_type();
                self.pair(&ty, depth, &[" == ", " != "])
            }
            _ => self.value(&Type::Bool, 0).condition(),
        }
    }

    fn pair(&mut self, ty: &Type, depth: usize, operators: &[&str]) -> String {
        let (a, b) = (self.value(ty, depth - 1), self.value(ty, depth - 1));
        let operator = self.choices.pick(operators).copied().unwrap_or(" == ");
        join(a, b, |a, b| format!("({a}{operator}{b})"))
    }

    fn method(&mut self, ty: &Type, methods: &[&str]) -> String {
        let (a, b) = (self.value(ty, 1), self.value(ty, 1));
        let method = self.choices.pick(methods).copied().unwrap_or_default();
        join(a, b, |a, b| format!("{a}.{method}({b})"))
    }

    fn address(&mut self) -> String {
        if self.choices.chance(1, 5) {
            return self.method(&Type::Ip, &["isInRange"]);
        }
        let test = self.one(&["isIpv4", "isIpv6", "isLoopback", "isMulticast"]);
        let ip = self.value(&Type::Ip, 1);
        Guarded { text: format!("{}.{test}()", ip.text), guards: ip.guards }.condition()
    }

    fn like(&mut self) -> String {
        let text = self.value(&Type::String, 1);
        let pattern = self.one(&["*", "a*", "*b", "*unknown*", "", "a\\*", "*n*o*"]);
        Guarded { text: format!("({} like \"{pattern}\")", text.text), guards: text.guards }.condition()
    }

    fn hierarchy(&mut self) -> String {
        let (a, b) = (self.entity_type(), self.entity_type());
        let left = self.value(&Type::Entity(a), 1);
        match self.choices.below(3) {
            0 => {
                let name = self.schema.entity_type(b).map_or("", |ty| ty.name.as_ref());
                Guarded { text: format!("({} is {name})", left.text), guards: left.guards }.condition()
            }
            1 => {
                let right = self.value(&Type::Set(Box::new(Type::Entity(b))), 1);
                join(left, right, |a, b| format!("({a} in {b})"))
            }
            _ => {
                let right = self.value(&Type::Entity(b), 1);
                join(left, right, |a, b| format!("({a} in {b})"))
            }
        }
    }

    fn set(&mut self) -> String {
        let element = self.any_type();
        let of = Type::Set(Box::new(element.clone()));
        let set = self.value(&of, 1);
        match self.choices.below(4) {
            0 => Guarded { text: format!("{}.isEmpty()", set.text), guards: set.guards }.condition(),
            1 => {
                let element = self.value(&element, 1);
                join(set, element, |set, one| format!("{set}.contains({one})"))
            }
            _ => {
                let other = self.value(&of, 1);
                let method = self.one(&["containsAll", "containsAny"]);
                join(set, other, |set, other| format!("{set}.{method}({other})"))
            }
        }
    }

    fn one(&mut self, all: &[&'static str]) -> &'static str {
        self.choices.pick(all).copied().unwrap_or_default()
    }

    fn entity_type(&mut self) -> TypeId {
        TypeId(u16::try_from(self.choices.below(self.schema.entity_types().len())).unwrap_or(0))
    }

    fn any_type(&mut self) -> Type {
        match self.choices.below(9) {
            0 => Type::Bool,
            1 => Type::Long,
            2 => Type::String,
            3 => Type::Decimal,
            4 => Type::Ip,
            5 => Type::Datetime,
            6 => Type::Duration,
            _ => Type::Entity(self.entity_type()),
        }
    }

    /// An expression of type `ty`: something that the request leads to, or one that is made.
    fn value(&mut self, ty: &Type, depth: usize) -> Guarded {
        let places: Vec<Guarded> =
            self.places().into_iter().filter(|(of, _)| of == ty).map(|(_, g)| g).collect();
        if !places.is_empty() && self.choices.chance(3, 4) {
            let at = self.choices.below(places.len());
            if let Some(place) = places.into_iter().nth(at) {
                return place;
            }
        }
        match ty {
            Type::Long if depth > 0 && self.choices.chance(1, 2) => {
                let (a, b) = (self.value(ty, depth - 1), self.value(ty, depth - 1));
                let operator = self.one(&["+", "-", "*"]);
                let guards = a.guards.into_iter().chain(b.guards).collect();
                Guarded { text: format!("({} {operator} {})", a.text, b.text), guards }
            }
            Type::Long if depth > 0 && self.choices.chance(1, 3) => self.of_duration(),
            Type::Datetime if depth > 0 && self.choices.chance(1, 2) => {
                let at = self.value(ty, 0);
                if self.choices.chance(1, 3) {
                    return Guarded { text: format!("{}.toDate()", at.text), guards: at.guards };
                }
                let by = self.value(&Type::Duration, 0);
                let guards = at.guards.into_iter().chain(by.guards).collect();
                Guarded { text: format!("{}.offset({})", at.text, by.text), guards }
            }
            Type::Duration if depth > 0 && self.choices.chance(1, 2) => {
                let at = self.value(&Type::Datetime, 0);
                if self.choices.chance(1, 3) {
                    return Guarded { text: format!("{}.toTime()", at.text), guards: at.guards };
                }
                let since = self.value(&Type::Datetime, 0);
                let guards = at.guards.into_iter().chain(since.guards).collect();
                Guarded { text: format!("{}.durationSince({})", at.text, since.text), guards }
            }
            _ => self.literal(ty),
        }
    }

    fn of_duration(&mut self) -> Guarded {
        let duration = self.value(&Type::Duration, 0);
        let method = self.one(&["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"]);
        Guarded { text: format!("{}.{method}()", duration.text), guards: duration.guards }
    }

    fn literal(&mut self, ty: &Type) -> Guarded {
        let mut one = |all: &[&'static str]| self.one(all).to_owned();
        Guarded::plain(match ty {
            Type::Bool => one(&["true", "false"]),
            Type::Long => one(&["0", "1", "-1", "2", "7", "9223372036854775807", "-9223372036854775808"]),
            Type::String => one(&["\"\"", "\"a\"", "\"b\"", "\"unknown\"", "\"a*\""]),
            Type::Decimal => one(&["decimal(\"0.0\")", "decimal(\"1.5\")", "decimal(\"-2.25\")"]),
            Type::Ip => {
                one(&["ip(\"10.0.0.0/8\")", "ip(\"127.0.0.1\")", "ip(\"2001:db8::/32\")", "ip(\"ff00::1\")"])
            }
            Type::Datetime => one(&["datetime(\"2026-02-28\")", "datetime(\"1969-12-31T23:59:59.999Z\")"]),
            Type::Duration => one(&["duration(\"1d2h\")", "duration(\"-1ms\")", "duration(\"0s\")"]),
            Type::Entity(of) => {
                let id = one(&["0", "1", "nowhere"]);
                let Some(of) = self.schema.entity_type(*of) else { return Guarded::plain("principal") };
                let id = of.choices.as_ref().and_then(|all| all.first()).map_or(id, ToString::to_string);
                format!("{}::\"{id}\"", of.name)
            }
            Type::Set(element) => {
                let len = 1 + self.choices.below(3);
                let all: Vec<String> = (0..len).map(|_| self.literal(element).text).collect();
                format!("[{}]", all.join(", "))
            }
            Type::Record(fields) => {
                let given: Vec<_> = fields.iter().filter(|(_, f)| f.required).collect();
                let all = given.into_iter().map(|(name, f)| format!("{name}: {}", self.literal(&f.ty).text));
                format!("{{{}}}", all.collect::<Vec<_>>().join(", "))
            }
        })
    }

    /// Everything that the request leads to in up to three steps, with its type and guards.
    fn places(&self) -> Vec<(Type, Guarded)> {
        let mut all = vec![
            (Type::Entity(self.principal), Guarded::plain("principal")),
            (Type::Entity(self.resource), Guarded::plain("resource")),
        ];
        for (name, field) in self.action.context.iter() {
            all.push(reach(&Guarded::plain("context"), name, field));
        }
        let mut from = 0;
        for _ in 0..3 {
            let end = all.len();
            for at in from..end {
                let Some((ty, place)) = all.get(at) else { continue };
                let found = self.steps(ty, place);
                all.extend(found);
            }
            from = end;
        }
        all
    }

    fn steps(&self, ty: &Type, place: &Guarded) -> Vec<(Type, Guarded)> {
        match ty {
            Type::Entity(id) => {
                let Some(of) = self.schema.entity_type(*id) else { return Vec::new() };
                let mut found: Vec<_> = of.attributes.iter().map(|(name, a)| reach(place, name, a)).collect();
                for tag in of.tags.iter().flat_map(|tags| ["a", "b"].map(|name| (name, tags))) {
                    let (name, tags) = tag;
                    let mut guards = place.guards.clone();
                    guards.push(format!("{}.hasTag(\"{name}\")", place.text));
                    found.push((
                        tags.clone(),
                        Guarded { text: format!("{}.getTag(\"{name}\")", place.text), guards },
                    ));
                }
                found
            }
            Type::Record(fields) => fields.iter().map(|(name, field)| reach(place, name, field)).collect(),
            _ => Vec::new(),
        }
    }
}

fn reach(from: &Guarded, name: &str, attribute: &Attribute) -> (Type, Guarded) {
    let mut guards = from.guards.clone();
    if !attribute.required {
        guards.push(format!("{} has {name}", from.text));
    }
    (attribute.ty.clone(), Guarded { text: format!("{}.{name}", from.text), guards })
}

fn join(a: Guarded, b: Guarded, text: impl Fn(&str, &str) -> String) -> String {
    let text = text(&a.text, &b.text);
    Guarded { text, guards: a.guards.into_iter().chain(b.guards).collect() }.condition()
}
