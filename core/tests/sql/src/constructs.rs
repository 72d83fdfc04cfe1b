//! Random policies over every construct that reads a row, and rows with every oddity that a column can hold.
//!
//! One schema with an attribute of each type, required and optional, in records and behind references, and texts, ids
//! and patterns that databases tell from others each in a way of its own: what random schemas come to only now and then.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use caseward::Ip;
use caseward::testing::Choices;
use caseward::{EntityUid, Source, Sources, Value, Ward, World, WorldBuilder};

/// Actions of one ward: each has policies of its own.
pub(crate) const ACTIONS: usize = 24;

const SCHEMA: &str = "
    type Rec = { a: String, b?: Long, who: Person, c?: Place };
    entity Place in [Place] = {
        name: String, open: Bool, kinds: Set<String>, size: Long, nick?: String, host?: Place, keeper: Person,
    } tags String;
    entity Person in [Place] = { name: String, places: Set<Place>, home: Place, boss?: Person, nick?: String };
    entity Note in [Place] = {
        text: String, size: Long, open: Bool, owner: Person, place: Place,
        at: datetime, wait: duration, rate: decimal, from: ipaddr,
        note?: String, count?: Long, flag?: Bool, helper?: Person, spot?: Place,
        seen?: datetime, delay?: duration, cost?: decimal, via?: ipaddr,
        rec: Rec, opt?: Rec, more?: { x: String, y?: Bool, deep?: { z: String, at: Place } },
        words: Set<String>, numbers: Set<Long>, flags: Set<Bool>, people: Set<Person>, spots: Set<Place>,
        hosts: Set<ipaddr>, rates: Set<decimal>, times: Set<datetime>, recs: Set<Rec>,
        hints?: Set<String>, crew?: Set<Person>,
    } tags Set<String>;
";

/// What a text is compared with, and what is in one.
const TEXTS: [&str; 18] = [
    "",
    "a",
    "b",
    "ab",
    "aab",
    "A",
    "secret",
    "a secret b",
    "x@school",
    "v",
    "v\0x",
    "\0",
    "a\0b",
    "%_~",
    "\\",
    "é\u{301}",
    "\u{1f600}",
    "null",
];

/// Patterns of each shape: without a wildcard, with one at each place, with many, with nothing but them.
const PATTERNS: [&str; 24] = [
    "",
    "*",
    "**",
    "a",
    "a*",
    "*a",
    "*a*",
    "a*b",
    "a*a",
    "*a*b",
    "a*b*",
    "*a*b*",
    "a**b",
    "*secret*",
    "*@school",
    "*\\0*",
    "a\\0*",
    "*\\0",
    "\\0",
    "*\\*",
    "%*",
    "*_~",
    "*\\u{301}",
    "a*a*b",
];

const LONGS: [&str; 7] = ["0", "1", "-1", "7", "9223372036854775807", "-9223372036854775808", "3037000500"];
const ADDRESSES: [&str; 7] =
    ["10.0.0.1", "10.0.0.2", "10.0.0.0/8", "127.0.0.1", "::1", "2001:db8::1", "ff02::1/32"];
const DECIMALS: [(&str, i64); 4] =
    [("0.0", 0), ("1.5", 15_000), ("-1.0001", -10_001), ("922337203685477.5807", i64::MAX)];
const TIMES: [(&str, i64); 4] = [
    ("1970-01-01", 0),
    ("1969-12-31T23:59:59.999Z", -1),
    ("2026-05-11T09:00:00Z", 1_778_490_000_000),
    ("2026-05-11T09:00:00.001Z", 1_778_490_000_001),
];
const WAITS: [(&str, i64); 4] =
    [("0ms", 0), ("1d", 86_400_000), ("-1h1ms", -3_600_001), ("23h59m", 86_340_000)];
/// Ids, one of which another would be taken for where a NUL ends it.
const IDS: [&str; 5] = ["v", "v\0x", "", "' OR '1'='1", "nowhere"];

/// Writes conditions on a note.
struct Writer<'a, 'b> {
    choices: &'a mut Choices<'b>,
}

/// An expression, and what must hold before it is read.
type Read = (String, String);

impl Writer<'_, '_> {
    fn one(&mut self, all: &[&'static str]) -> &'static str {
        self.choices.pick(all).copied().unwrap_or("")
    }

    fn named(&mut self, all: &[(&'static str, i64)]) -> &'static str {
        self.choices.pick(all).map_or("", |(text, _)| *text)
    }

    /// One of `all`, each with what guards it, or a literal.
    fn of(&mut self, all: &[(&str, &str)], literal: String) -> Read {
        match self.choices.pick(all) {
            Some((text, guard)) if self.choices.chance(4, 5) => ((*text).to_owned(), (*guard).to_owned()),
            _ => (literal, String::new()),
        }
    }

    fn text(&mut self) -> Read {
        let literal = quoted(self.one(&TEXTS));
        let all = [
            ("resource.text", ""),
            ("resource.note", "resource has note"),
            ("resource.note", "resource has note"),
            ("resource.rec.a", ""),
            ("resource.opt.a", "resource has opt"),
            ("resource.more.x", "resource has more"),
            ("resource.more.deep.z", "resource has more && resource.more has deep"),
            ("resource.owner.name", ""),
            ("resource.owner.nick", "resource.owner has nick"),
            ("resource.place.name", ""),
            ("resource.place.keeper.name", ""),
            ("resource.spot.name", "resource has spot"),
            ("resource.spot.nick", "resource has spot && resource.spot has nick"),
            ("resource.helper.boss.name", "resource has helper && resource.helper has boss"),
            ("resource.place.getTag(\"a\")", "resource.place.hasTag(\"a\")"),
            ("resource.place.getTag(resource.text)", "resource.place.hasTag(resource.text)"),
            ("principal.name", ""),
            ("context.word", ""),
        ];
        self.of(&all, literal)
    }

    fn long(&mut self) -> Read {
        let literal = self.one(&LONGS).to_owned();
        let all = [
            ("resource.size", ""),
            ("resource.count", "resource has count"),
            ("resource.rec.b", "resource.rec has b"),
            ("resource.opt.b", "resource has opt && resource.opt has b"),
            ("resource.place.size", ""),
            ("resource.wait.toHours()", ""),
            ("(resource.size + 1)", ""),
            ("(resource.size * resource.place.size)", ""),
        ];
        self.of(&all, literal)
    }

    fn person(&mut self) -> Read {
        let literal = format!("Person::{}", quoted(self.one(&IDS)));
        let all = [
            ("principal", ""),
            ("resource.owner", ""),
            ("resource.owner", ""),
            ("resource.helper", "resource has helper"),
            ("resource.rec.who", ""),
            ("resource.opt.who", "resource has opt"),
            ("resource.place.keeper", ""),
            ("resource.helper.boss", "resource has helper && resource.helper has boss"),
        ];
        self.of(&all, literal)
    }

    fn place(&mut self) -> Read {
        let literal = format!("Place::{}", quoted(self.one(&IDS)));
        let all = [
            ("principal.home", ""),
            ("resource.place", ""),
            ("resource.place", ""),
            ("resource.spot", "resource has spot"),
            ("resource.owner.home", ""),
            ("resource.rec.c", "resource.rec has c"),
            ("resource.more.deep.at", "resource has more && resource.more has deep"),
            ("resource.place.host", "resource.place has host"),
        ];
        self.of(&all, literal)
    }

    fn address(&mut self) -> Read {
        let literal = format!("ip(\"{}\")", self.one(&ADDRESSES));
        self.of(
            &[("resource.from", ""), ("resource.from", ""), ("resource.via", "resource has via")],
            literal,
        )
    }

    fn decimal(&mut self) -> Read {
        let literal = format!("decimal(\"{}\")", self.named(&DECIMALS));
        self.of(&[("resource.rate", ""), ("resource.cost", "resource has cost")], literal)
    }

    fn time(&mut self) -> Read {
        let literal = format!("datetime(\"{}\")", self.named(&TIMES));
        let all = [
            ("resource.at", ""),
            ("resource.seen", "resource has seen"),
            ("context.now", ""),
            ("resource.at.toDate()", ""),
            ("resource.at.offset(resource.wait)", ""),
        ];
        self.of(&all, literal)
    }

    fn wait(&mut self) -> Read {
        let literal = format!("duration(\"{}\")", self.named(&WAITS));
        let all = [
            ("resource.wait", ""),
            ("resource.delay", "resource has delay"),
            ("resource.at.toTime()", ""),
            ("resource.at.durationSince(context.now)", ""),
        ];
        self.of(&all, literal)
    }

    fn record(&mut self) -> Read {
        self.of(&[("resource.rec", ""), ("resource.opt", "resource has opt")], "resource.rec".into())
    }

    /// A value of a kind, by number.
    fn value(&mut self, kind: usize) -> Read {
        match kind {
            0 => self.text(),
            1 => self.long(),
            2 => self.person(),
            3 => self.place(),
            4 => self.address(),
            5 => self.decimal(),
            6 => self.time(),
            7 => self.record(),
            _ => self.wait(),
        }
    }

    /// A set of values of a kind.
    fn set(&mut self, kind: usize) -> Read {
        if kind == 8 || self.choices.chance(1, 4) {
            return self.written_set(kind, 3);
        }
        let all: &[(&str, &str)] = match kind {
            0 => &[
                ("resource.words", ""),
                ("resource.hints", "resource has hints"),
                ("resource.place.kinds", ""),
                ("resource.getTag(\"a\")", "resource.hasTag(\"a\")"),
                ("resource.getTag(resource.text)", "resource.hasTag(resource.text)"),
            ],
            1 => &[("resource.numbers", "")],
            2 => &[("resource.people", ""), ("resource.crew", "resource has crew")],
            3 => &[("resource.spots", ""), ("principal.places", ""), ("resource.owner.places", "")],
            4 => &[("resource.hosts", "")],
            5 => &[("resource.rates", "")],
            6 => &[("resource.times", "")],
            _ => &[("resource.recs", "")],
        };
        let (text, guard) = self.choices.pick(all).copied().unwrap_or_default();
        (text.to_owned(), guard.to_owned())
    }

    /// A set that is written down, of up to `most` values.
    fn written_set(&mut self, kind: usize, most: usize) -> Read {
        let (mut texts, mut guards) = (Vec::new(), Vec::new());
        for _ in 0..=self.choices.below(most) {
            let (text, guard) = self.value(kind);
            texts.push(text);
            guards.push(guard);
        }
        guards.retain(|guard| !guard.is_empty());
        (format!("[{}]", texts.join(", ")), guards.join(" && "))
    }

    /// A long set of literals: one that is looked through as a list.
    fn long_set(&mut self) -> Read {
        let all: Vec<String> =
            TEXTS.iter().filter(|_| self.choices.chance(4, 5)).map(|text| quoted(text)).collect();
        if all.is_empty() { self.set(0) } else { (format!("[{}]", all.join(", ")), String::new()) }
    }

    /// A condition that is no other's negation.
    fn atom(&mut self) -> Read {
        match self.choices.below(16) {
            0..=2 => {
                let (text, guard) = self.text();
                (format!("{text} like \"{}\"", self.one(&PATTERNS)), guard)
            }
            3 => self.one_of_some(),
            4 => {
                let kind = self.choices.below(9);
                let (a, b) = (self.value(kind), self.value(kind));
                let operator = self.one(&["==", "!="]);
                both(a, b, |a, b| format!("{a} {operator} {b}"))
            }
            5 | 6 => {
                let kind = self.choices.below(9);
                let (set, one) = (self.set(kind), self.value(kind));
                both(set, one, |set, one| format!("{set}.contains({one})"))
            }
            7 | 8 => {
                let kind = self.choices.below(9);
                let a = self.set(kind);
                let b = if kind == 0 && self.choices.chance(1, 2) { self.long_set() } else { self.set(kind) };
                match self.choices.below(4) {
                    0 => both(a, b, |a, b| format!("{a}.containsAny({b})")),
                    1 => both(a, b, |a, b| format!("{a} == {b}")),
                    2 => both(b, a, |a, b| format!("{a}.containsAll({b})")),
                    _ => both(a, b, |a, b| format!("{a}.containsAll({b})")),
                }
            }
            9 => self.compared(),
            10 => {
                let (tag, guard) = self.text();
                match self.choices.below(3) {
                    0 => (format!("resource.hasTag({tag})"), guard),
                    1 => (format!("resource.place.hasTag({tag})"), guard),
                    _ => both(
                        (format!("resource.spot.hasTag({tag})"), "resource has spot".into()),
                        (String::new(), guard),
                        |a, _| a.to_owned(),
                    ),
                }
            }
            11 => self.below(),
            12 => self.present(),
            13 => self.of_address(),
            14 => {
                let set = self.set(self.choices.clone().below(8));
                (format!("{}.isEmpty()", set.0), set.1)
            }
            _ => {
                let all = [
                    ("resource.open", ""),
                    ("resource.flag", "resource has flag"),
                    ("resource.place.open", ""),
                    ("resource.spot.open", "resource has spot"),
                    ("resource.more.y", "resource has more && resource.more has y"),
                    ("resource.flags.contains(true)", ""),
                    ("resource.flags.contains(resource.open)", ""),
                    ("[true, false].containsAll(resource.flags)", ""),
                    ("resource.flags.containsAll([true, false])", ""),
                ];
                self.of(&all, "resource.open".into())
            }
        }
    }

    /// That a value is one of several, asked one by one.
    fn one_of_some(&mut self) -> Read {
        let all = [
            ("resource.text", 0),
            ("resource.size", 1),
            ("resource.owner", 2),
            ("resource.place", 3),
            ("resource.from", 4),
            ("resource.rate", 5),
            ("resource.at", 6),
            ("resource.place.name", 0),
        ];
        let (value, kind) = self.choices.pick(&all).copied().unwrap_or(all[0]);
        let mut any = Vec::new();
        for _ in 0..2 + self.choices.below(9) {
            let literal = match kind {
                0 => quoted(self.one(&TEXTS)),
                1 => self.one(&LONGS).to_owned(),
                2 => format!("Person::{}", quoted(self.one(&IDS))),
                3 => format!("Place::{}", quoted(self.one(&IDS))),
                4 => format!("ip(\"{}\")", self.one(&ADDRESSES)),
                5 => format!("decimal(\"{}\")", self.named(&DECIMALS)),
                _ => format!("datetime(\"{}\")", self.named(&TIMES)),
            };
            any.push(format!("{value} == {literal}"));
        }
        (any.join(" || "), String::new())
    }

    fn compared(&mut self) -> Read {
        let operator = self.one(&["<", "<=", ">", ">="]);
        let method = self.one(&["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]);
        match self.choices.below(4) {
            0 => {
                let (a, b) = (self.decimal(), self.decimal());
                both(a, b, |a, b| format!("{a}.{method}({b})"))
            }
            1 => {
                let (a, b) = (self.time(), self.time());
                both(a, b, |a, b| format!("{a} {operator} {b}"))
            }
            2 => {
                let (a, b) = (self.wait(), self.wait());
                both(a, b, |a, b| format!("{a} {operator} {b}"))
            }
            _ => {
                let (a, b) = (self.long(), self.long());
                both(a, b, |a, b| format!("{a} {operator} {b}"))
            }
        }
    }

    /// Whether something lies in something.
    fn below(&mut self) -> Read {
        let place = self.place();
        match self.choices.below(6) {
            0 => both(self.place(), place, |a, b| format!("{a} in {b}")),
            1 => both(self.person(), place, |a, b| format!("{a} in {b}")),
            2 => (format!("resource in {}", place.0), place.1),
            3 => (format!("principal in {}", place.0), place.1),
            4 => both(self.place(), self.set(3), |a, b| format!("{a} in {b}")),
            _ => {
                let set = self.set(3);
                (format!("resource in {}", set.0), set.1)
            }
        }
    }

    fn present(&mut self) -> Read {
        let all = [
            ("resource has note", ""),
            ("resource has spot", ""),
            ("resource has opt", ""),
            ("resource has more", ""),
            ("resource has hints", ""),
            ("resource.rec has b", ""),
            ("resource.owner has nick", ""),
            ("resource.owner has boss", ""),
            ("resource.place has host", ""),
            ("resource.opt has c", "resource has opt"),
            ("resource.more has deep", "resource has more"),
            ("resource.spot has nick", "resource has spot"),
            ("resource.spot.host has nick", "resource has spot && resource.spot has host"),
        ];
        self.of(&all, "resource has via".into())
    }

    fn of_address(&mut self) -> Read {
        let (address, guard) = self.address();
        let method = self.one(&["isIpv4()", "isIpv6()", "isLoopback()", "isMulticast()", "isInRange"]);
        if method != "isInRange" {
            return (format!("{address}.{method}"), guard);
        }
        let range = format!("ip(\"{}\")", self.one(&ADDRESSES));
        (format!("{address}.isInRange({range})"), guard)
    }

    /// A condition, nested up to `depth`.
    fn condition(&mut self, depth: usize) -> String {
        if depth == 0 || self.choices.chance(1, 4) {
            let (atom, guard) = self.atom();
            let atom = if self.choices.chance(1, 2) { format!("!({atom})") } else { format!("({atom})") };
            return if guard.is_empty() { atom } else { format!("({guard} && {atom})") };
        }
        match self.choices.below(6) {
            0 | 1 => format!("!{}", self.condition(depth - 1)),
            2 => format!("({} && {})", self.condition(depth - 1), self.condition(depth - 1)),
            3 | 4 => format!("({} || {})", self.condition(depth - 1), self.condition(depth - 1)),
            _ => format!(
                "(if {} then {} else {})",
                self.condition(depth - 1),
                self.condition(depth - 1),
                self.condition(depth - 1)
            ),
        }
    }
}

/// An expression made of two, guarded by what guards either.
fn both(a: Read, b: Read, make: impl FnOnce(&str, &str) -> String) -> Read {
    let guards: Vec<&str> =
        [a.1.as_str(), b.1.as_str()].into_iter().filter(|guard| !guard.is_empty()).collect();
    (make(&a.0, &b.0), guards.join(" && "))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('\0', "\\0").replace('"', "\\\""))
}

/// A ward of random policies: for each action a permit or two, and a forbid most often.
pub(crate) fn ward(choices: &mut Choices<'_>) -> Option<Ward> {
    let mut schema = SCHEMA.to_owned();
    let mut policies = Vec::new();
    for n in 0..ACTIONS {
        let _ = writeln!(
            schema,
            "action a{n} appliesTo {{ principal: Person, resource: Note, context: {{ now: datetime, word: String }} }};"
        );
        let mut add = |effect: &str, body: String| {
            let id = format!("p{}", policies.len());
            let head = format!("principal, action == Action::\"a{n}\", resource");
            policies.push(Source::new(id.clone(), format!("@id(\"{id}\") {effect} ({head}){body};")));
        };
        let mut writer = Writer { choices };
        match writer.choices.below(4) {
            0 => add("permit", format!(" when {{ {} }}", writer.condition(3))),
            1 => {
                add("permit", format!(" when {{ {} }}", writer.condition(1)));
                add("permit", format!(" unless {{ {} }}", writer.condition(2)));
            }
            _ => {
                add("permit", String::new());
                let word = writer.one(&["when", "unless"]);
                add("forbid", format!(" {word} {{ {} }}", writer.condition(2)));
            }
        }
    }
    let mut sources = Sources { schema: Source::new("schema", schema), policies, catalogue: None };
    for _ in 0..4 {
        match Ward::new(&sources) {
            Ok(ward) => return Some(ward),
            Err(error) => {
                let named: Vec<&str> =
                    error.problems().iter().map(|problem| problem.source.as_str()).collect();
                assert!(!named.contains(&"schema"), "{error}");
                sources.policies.retain(|policy| !named.contains(&policy.name.as_ref()));
            }
        }
    }
    None
}

/// Makes worlds.
struct Maker<'a, 'b> {
    choices: &'a mut Choices<'b>,
    /// Whether the database holds texts with a NUL.
    nul: bool,
}

type Attributes = BTreeMap<&'static str, Value>;

impl Maker<'_, '_> {
    fn text(&mut self) -> Value {
        let text = self.choices.pick(&TEXTS).copied().unwrap_or("");
        Value::from(if self.nul { text.to_owned() } else { text.replace('\0', "\u{1}") }.as_str())
    }

    fn uid(&mut self, ty: &str) -> EntityUid {
        let id = self.choices.pick(&IDS[..4]).copied().unwrap_or("");
        EntityUid::new(ty, if self.nul { id.to_owned() } else { id.replace('\0', "\u{1}") })
    }

    fn entity(&mut self, ty: &str) -> Value {
        Value::Entity(self.uid(ty))
    }

    fn number(&mut self, all: &[(&'static str, i64)]) -> i64 {
        self.choices.pick(all).map_or(0, |(_, number)| *number)
    }

    fn time(&mut self) -> Value {
        Value::Datetime(self.number(&TIMES))
    }

    fn wait(&mut self) -> Value {
        Value::Duration(self.number(&WAITS))
    }

    fn decimal(&mut self) -> Value {
        Value::Decimal(self.number(&DECIMALS))
    }

    fn address(&mut self) -> Value {
        let text = self.choices.pick(&ADDRESSES).copied().unwrap_or("10.0.0.1");
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let address: std::net::IpAddr = address.parse().unwrap();
        let whole = if address.is_ipv4() { 32 } else { 128 };
        Value::Ip(Ip { address, prefix: prefix.parse().unwrap_or(whole) })
    }

    fn long(&mut self) -> Value {
        let text = self.choices.pick(&LONGS).copied().unwrap_or("0");
        Value::Long(text.parse().unwrap_or(0))
    }

    fn bool(&mut self) -> Value {
        Value::Bool(self.choices.chance(1, 2))
    }

    fn set(&mut self, mut one: impl FnMut(&mut Self) -> Value) -> Value {
        let len = self.choices.below(4);
        Value::set((0..len).map(|_| one(self)).collect::<Vec<_>>())
    }

    fn record(&mut self) -> Value {
        let mut fields: BTreeMap<Arc<str>, Value> =
            [("a".into(), self.text()), ("who".into(), self.entity("Person"))].into();
        if self.choices.chance(1, 2) {
            fields.insert("b".into(), self.long());
        }
        if self.choices.chance(1, 2) {
            fields.insert("c".into(), self.entity("Place"));
        }
        Value::Record(fields)
    }

    fn more(&mut self) -> Value {
        let mut fields: BTreeMap<Arc<str>, Value> = [("x".into(), self.text())].into();
        if self.choices.chance(1, 2) {
            fields.insert("y".into(), self.bool());
        }
        if self.choices.chance(1, 2) {
            let deep = [("z".into(), self.text()), ("at".into(), self.entity("Place"))];
            fields.insert("deep".into(), Value::Record(deep.into()));
        }
        Value::Record(fields)
    }

    fn note(&mut self) -> Attributes {
        let mut all: Attributes = [
            ("text", self.text()),
            ("size", self.long()),
            ("open", self.bool()),
            ("owner", self.entity("Person")),
            ("place", self.entity("Place")),
            ("at", self.time()),
            ("wait", self.wait()),
            ("rate", self.decimal()),
            ("from", self.address()),
            ("rec", self.record()),
            ("words", self.set(Self::text)),
            ("numbers", self.set(Self::long)),
            ("flags", self.set(Self::bool)),
            ("people", self.set(|this| this.entity("Person"))),
            ("spots", self.set(|this| this.entity("Place"))),
            ("hosts", self.set(Self::address)),
            ("rates", self.set(Self::decimal)),
            ("times", self.set(Self::time)),
            ("recs", self.set(Self::record)),
        ]
        .into();
        let optional = [
            ("note", self.text()),
            ("count", self.long()),
            ("flag", self.bool()),
            ("helper", self.entity("Person")),
            ("spot", self.entity("Place")),
            ("seen", self.time()),
            ("delay", self.wait()),
            ("cost", self.decimal()),
            ("via", self.address()),
            ("opt", self.record()),
            ("more", self.more()),
            ("hints", self.set(Self::text)),
            ("crew", self.set(|this| this.entity("Person"))),
        ];
        all.extend(optional.into_iter().filter(|_| self.choices.chance(1, 2)));
        all
    }

    fn person(&mut self) -> Attributes {
        let mut all: Attributes = [
            ("name", self.text()),
            ("home", self.entity("Place")),
            ("places", self.set(|this| this.entity("Place"))),
        ]
        .into();
        let optional = [("boss", self.entity("Person")), ("nick", self.text())];
        all.extend(optional.into_iter().filter(|_| self.choices.chance(1, 2)));
        all
    }

    fn place(&mut self) -> Attributes {
        let mut all: Attributes = [
            ("name", self.text()),
            ("open", self.bool()),
            ("size", self.long()),
            ("kinds", self.set(Self::text)),
            ("keeper", self.entity("Person")),
        ]
        .into();
        let optional = [("host", self.entity("Place")), ("nick", self.text())];
        all.extend(optional.into_iter().filter(|_| self.choices.chance(1, 2)));
        all
    }

    fn tags(&mut self, mut value: impl FnMut(&mut Self) -> Value) -> BTreeMap<Arc<str>, Value> {
        let names = ["a", "", "secret"].into_iter().filter(|_| self.choices.chance(1, 2)).collect::<Vec<_>>();
        names.into_iter().map(|name| (name.into(), value(self))).collect()
    }
}

/// A world of notes, and what they are asked with.
pub(crate) fn world(ward: &Ward, choices: &mut Choices<'_>, nul: bool) -> World {
    let mut maker = Maker { choices, nul };
    let mut builder = WorldBuilder::new(ward.schema());
    let id = |id: &str| if nul { id.to_owned() } else { id.replace('\0', "\u{1}") };
    for at in 0..4 {
        let place = EntityUid::new("Place", id(IDS[at]));
        // What comes later in the list lies in what comes before.
        let above =
            IDS[..at].iter().filter(|_| maker.choices.chance(1, 3)).map(|of| EntityUid::new("Place", id(of)));
        let above: Vec<EntityUid> = above.collect();
        let (attributes, tags) = (maker.place(), maker.tags(Maker::text));
        builder.add_whole(&place, attributes, above, tags);
        let above: Vec<EntityUid> = (0..maker.choices.below(2)).map(|_| maker.uid("Place")).collect();
        builder.add_whole(&EntityUid::new("Person", id(IDS[at])), maker.person(), above, BTreeMap::new());
    }
    for n in 0..10 {
        let above: Vec<EntityUid> = (0..maker.choices.below(2)).map(|_| maker.uid("Place")).collect();
        let (attributes, tags) = (maker.note(), maker.tags(|this| this.set(Maker::text)));
        builder.add_whole(&EntityUid::new("Note", format!("n{n}")), attributes, above, tags);
    }
    builder.finish().unwrap()
}

/// Who asks, and what the context says.
pub(crate) fn asker(choices: &mut Choices<'_>, nul: bool) -> (EntityUid, BTreeMap<Arc<str>, Value>) {
    let mut maker = Maker { choices, nul };
    let who = maker.uid("Person");
    let word = Value::from(maker.choices.pick(&TEXTS).copied().unwrap_or(""));
    (who, [("now".into(), maker.time()), ("word".into(), word)].into())
}
