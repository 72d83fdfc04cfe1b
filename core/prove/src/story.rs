//! Counterexamples for people: a short story, and a case that a folder of tests can keep.

use std::fmt::Write as _;

use caseward::facts::Facts;
use caseward::{Answer, EntityUid, Request, Value, Ward};
use jiff::Timestamp;
use toml::{Table, Value as Toml};

use crate::claim::{Form, Kind, Sides};
use crate::scene::{Replay, Scene};

/// Tells what was found.
pub(crate) fn tell(scene: &Scene, replay: &Replay, kind: Kind, sides: &Sides) -> String {
    let mut story = String::new();
    let schema = sides.now.ward.schema();
    let mut line = |text: String| {
        let _ = writeln!(story, "{text}");
    };
    if let Some(Value::Datetime(now)) = scene.request.context.get("now") {
        line(format!("It is {}.", instant(*now)));
    }
    for (uid, attributes) in &scene.facts.entities {
        let mut said: Vec<String> = Vec::new();
        for (name, value) in attributes {
            said.extend(of_attribute(name, value));
        }
        let parents = scene.facts.parents.get(uid).into_iter().flatten();
        said.extend(parents.map(|parent| format!("lies in {}", name(parent))));
        for (tag, value) in scene.facts.tags.get(uid).into_iter().flatten() {
            said.push(format!("tag `{tag}` {}", shown(value)));
        }
        let what = words(uid.type_name().rsplit("::").next().unwrap_or_default());
        let rest = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
        line(format!("{} is {} {what}{rest}.", capital(&name(uid)), article(&what)));
    }
    let asks =
        asked(&scene.request, schema.action(&scene.request.action).map(|a| a.uid.id()).unwrap_or_default());
    let verb = |answer: &Answer| if answer.is_allowed() { "and may" } else { "and may not" };
    let by = |ward: &Ward, answer: &Answer| reasons(ward, answer);
    match (&replay.beside, kind) {
        (Some((_, old)), Kind::NotMore | Kind::NotLess | Kind::Equivalent) => {
            let before = sides.old.as_ref().map_or(&sides.now.ward, |old| &old.ward);
            line(format!("{asks}, {}: {}.", verb(&replay.wrong), by(&sides.now.ward, &replay.wrong)));
            line(format!("In the other version they {}: {}.", may(old), by(before, old)));
        }
        (Some((other, answer)), _) if scene.moves.is_empty() => {
            line(format!("{asks}, {}: {}.", verb(&replay.wrong), by(&sides.now.ward, &replay.wrong)));
            let action = schema.action(&other.action).map(|a| a.uid.id()).unwrap_or_default();
            let asks = asked(other, action);
            line(format!("{asks}, {}: {}.", verb(answer), by(&sides.now.ward, answer)));
        }
        (Some((other, before)), _) => {
            let action = schema.action(&other.action).map(|a| a.uid.id()).unwrap_or_default();
            let asked = asked(other, action);
            line(format!("{asked}, {}: {}.", verb(before), by(&sides.now.ward, before)));
            for step in &scene.moves {
                let attribute = words(&step.attribute);
                let what = match &step.becomes {
                    Some(value) => format!("{attribute} becomes {}", shown(value)),
                    None => format!("{attribute} ends"),
                };
                line(format!("Then, of {}: {what}.", name(&step.uid)));
            }
            let again = if asked == asks { " again" } else { "" };
            line(format!("{asks}{again}, {}: {}.", verb(&replay.wrong), by(&sides.now.ward, &replay.wrong)));
        }
        (None, _) => {
            line(format!("{asks}, {}: {}.", verb(&replay.wrong), by(&sides.now.ward, &replay.wrong)))
        }
    }
    story
}

fn may(answer: &Answer) -> &'static str {
    if answer.is_allowed() { "might" } else { "might not" }
}

fn asked(request: &Request, action: &str) -> String {
    let mut with = Vec::new();
    for (name, value) in request.context.fields().iter().filter(|(name, _)| name.as_ref() != "now") {
        with.push(format!("{} {}", words(name), shown(value)));
    }
    let with = if with.is_empty() { String::new() } else { format!(" with {}", with.join(", ")) };
    format!(
        "{} asks to {} of {}{with}",
        capital(&name(&request.principal)),
        words(action),
        name(&request.resource)
    )
}

/// The deciding policies with what they say, or what stands in their place.
fn reasons(ward: &Ward, answer: &Answer) -> String {
    let mut said: Vec<String> = answer.errors.iter().map(ToString::to_string).collect();
    for id in &answer.policies {
        let description = ward.policy(id).and_then(|policy| policy.description.clone());
        said.push(match description {
            Some(description) => format!("{id}, “{}”", description.trim_end_matches('.')),
            None => id.to_string(),
        });
    }
    if said.is_empty() { "no policy permits it".to_owned() } else { said.join("; ") }
}

/// What an attribute says, in words; nothing for empty sets and for what is not so.
fn of_attribute(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::Bool(true) => Some(words(name)),
        Value::Bool(false) => Some(format!("not {}", words(name))),
        Value::Set(all) if all.is_empty() => None,
        _ => Some(format!("{} {}", words(name), shown(value))),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Bool(v) => v.to_string(),
        Value::Long(v) => v.to_string(),
        Value::String(v) => format!("“{}”", v.escape_debug()),
        Value::Entity(uid) => name(uid),
        Value::Set(all) if all.is_empty() => "none".to_owned(),
        Value::Set(all) => all.iter().map(shown).collect::<Vec<_>>().join(" and "),
        Value::Datetime(ms) => instant(*ms),
        Value::Duration(ms) => format!("{ms} ms"),
        Value::Decimal(v) => decimal(*v),
        Value::Ip(ip) => format!("{}/{}", ip.address, ip.prefix),
        Value::Record(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{} {}", words(name), shown(value))).collect();
            format!("({})", fields.join(", "))
        }
    }
}

/// Ten-thousandths as Cedar writes them.
fn decimal(v: i64) -> String {
    let sign = if v < 0 { "-" } else { "" };
    format!("{sign}{}.{:04}", v.unsigned_abs() / 10_000, v.unsigned_abs() % 10_000)
}

fn name(uid: &EntityUid) -> String {
    let id: String = uid.id().chars().take(60).collect();
    if id.is_empty() {
        format!("the {} without a name", words(uid.type_name()))
    } else {
        capital(&id.escape_debug().to_string())
    }
}

fn instant(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(at) if ms % 86_400_000 == 0 => at.strftime("%-d %B %Y").to_string(),
        Ok(at) => at.strftime("%-d %B %Y %H:%M:%S UTC").to_string(),
        Err(_) => format!("{ms} ms after 1970"),
    }
}

/// The instant as cases have it; `None` outside the years 0 to 9999.
fn rfc3339(ms: i64) -> Option<String> {
    let text = Timestamp::from_millisecond(ms).ok()?.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    (!text.starts_with('-')).then_some(text)
}

/// `attendanceLeadAt` as `attendance lead at`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
}

/// The scene as a case in TOML, with the decision that the claim asks for.
pub(crate) fn case(scene: &Scene, replay: &Replay, kind: Kind, sides: &Sides) -> Result<String, String> {
    let title = match kind {
        Kind::Invariant(at) | Kind::Guarantee(at) => {
            let invariant = sides.invariants.all.get(at);
            invariant.map_or_else(String::new, |i| format!("{}: {}", i.number, i.sentence))
        }
        Kind::NotMore | Kind::NotLess | Kind::Equivalent => "as the other version decides".to_owned(),
        _ => "a policy that errs".to_owned(),
    };
    let implied = match kind {
        Kind::Invariant(at) => {
            sides.invariants.all.get(at).is_some_and(|i| matches!(i.form, Form::Implies(_)))
        }
        _ => false,
    };
    let (request, expect) = match &replay.beside {
        _ if matches!(kind, Kind::Guarantee(_)) => (&scene.request, "allow"),
        Some((request, _)) if implied => (request, "allow"),
        Some((_, other)) if other.is_allowed() => (&scene.request, "allow"),
        _ => (&scene.request, "deny"),
    };
    let mut case = Table::new();
    case.insert("name".to_owned(), Toml::String(title));
    case.extend(question(request, &sides.now.ward)?);
    case.insert("expect".to_owned(), Toml::String(expect.to_owned()));
    let mut file = Table::new();
    file.insert("world".to_owned(), Toml::Table(world(&scene.after())?));
    file.insert("case".to_owned(), Toml::Array(vec![Toml::Table(case)]));
    let text = toml::to_string(&file).map_err(|e| e.to_string())?;
    Ok(format!("# A counterexample that `caseward prove` found.\n{text}"))
}

/// What a case asks.
pub(crate) fn question(request: &Request, ward: &Ward) -> Result<Table, String> {
    let mut asked = Table::new();
    for (key, uid) in [("principal", &request.principal), ("resource", &request.resource)] {
        asked.insert(key.to_owned(), Toml::String(dotted(uid)));
    }
    let action = ward.schema().action(&request.action);
    let action = action.map_or_else(String::new, |action| action.uid.id().to_owned());
    asked.insert("action".to_owned(), Toml::String(action));
    let context =
        request.context.fields().iter().map(|(name, value)| Ok((name.to_string(), toml_of(value)?)));
    asked.insert("context".to_owned(), Toml::Table(context.collect::<Result<_, String>>()?));
    Ok(asked)
}

/// The facts as the world of a case.
pub(crate) fn world(facts: &Facts) -> Result<Table, String> {
    let mut world = Table::new();
    for (uid, attributes) in &facts.entities {
        let of_type = world.entry(uid.type_name()).or_insert_with(|| Toml::Table(Table::new()));
        let mut table = Table::new();
        for (name, value) in attributes.iter().filter(|(_, value)| **value != Value::set([])) {
            table.insert(name.to_string(), toml_of(value)?);
        }
        let parents: Vec<Toml> =
            facts.parents.get(uid).into_iter().flatten().map(|uid| Toml::String(dotted(uid))).collect();
        if !parents.is_empty() {
            table.insert("@parents".to_owned(), Toml::Array(parents));
        }
        if let Some(tags) = facts.tags.get(uid).filter(|tags| !tags.is_empty()) {
            let tags = tags.iter().map(|(name, value)| Ok((name.to_string(), toml_of(value)?)));
            table.insert("@tags".to_owned(), Toml::Table(tags.collect::<Result<_, String>>()?));
        }
        if let Some(of_type) = of_type.as_table_mut() {
            of_type.insert(uid.id().to_owned(), Toml::Table(table));
        }
    }
    Ok(world)
}

fn dotted(uid: &EntityUid) -> String {
    format!("{}.{}", uid.type_name(), uid.id())
}

fn toml_of(value: &Value) -> Result<Toml, String> {
    Ok(match value {
        Value::Bool(v) => Toml::Boolean(*v),
        Value::Long(v) => Toml::Integer(*v),
        Value::String(v) => Toml::String(v.to_string()),
        Value::Entity(uid) => Toml::String(uid.id().to_owned()),
        Value::Set(all) => Toml::Array(all.iter().map(toml_of).collect::<Result<_, _>>()?),
        Value::Record(fields) => {
            let fields = fields.iter().map(|(name, value)| Ok((name.to_string(), toml_of(value)?)));
            Toml::Table(fields.collect::<Result<_, String>>()?)
        }
        Value::Datetime(ms) => {
            Toml::String(rfc3339(*ms).ok_or_else(|| format!("{ms} ms after 1970 has no form in RFC 3339"))?)
        }
        Value::Duration(ms) => Toml::String(format!("{ms}ms")),
        Value::Decimal(v) => Toml::String(decimal(*v)),
        Value::Ip(ip) => Toml::String(format!("{}/{}", ip.address, ip.prefix)),
    })
}
