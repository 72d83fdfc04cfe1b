//! How large a schema is once its named types stand where they are used, counted before Cedar puts them there.
//!
//! `type B = { x: A, y: A }` holds `A` twice: 24 such lines are sixteen million types, and 40 of them have no end.

use std::collections::{HashMap, HashSet};

use crate::cedar::limits::{MAX_NESTING, Tokens};
use crate::model::Problem;

/// Words of a schema whose named types are written out. The longest text that is taken has fewer by itself.
const MAX_WORDS: u64 = 1_000_000;

/// Entity types and actions that are declared. Cedar takes some tenths of a millisecond for each, a second for all.
const MAX_DECLARED: usize = 5_000;
/// What they lie in, all in all and at any distance: of a chain of 300. Cedar's time grows faster than this does.
const MAX_ABOVE: usize = 50_000;

/// Refuses a schema that is larger or deeper than can be taken once its named types are written out.
pub(super) fn check(text: &str) -> Result<(), Problem> {
    check_hierarchies(text)?;
    let parts = Parts::of(text);
    let mut known = HashMap::new();
    let mut total = Size { words: parts.outside.words, depth: 0 };
    for name in &parts.outside.names {
        total = total.and(parts.size(name, &mut known));
    }
    // Also types that nothing uses are written out.
    for (name, bodies) in &parts.types {
        let size = parts.size(name, &mut known);
        total.words = total.words.saturating_add(size.words);
        if size.words > MAX_WORDS || size.depth > MAX_NESTING {
            let at = bodies.first().map_or(0..0, |body| body.at.clone());
            return Err(refused(size).at(text, at));
        }
    }
    if total.words > MAX_WORDS || total.depth > MAX_NESTING { Err(refused(total)) } else { Ok(()) }
}

/// Counts what is declared, and what lies in what.
fn check_hierarchies(text: &str) -> Result<(), Problem> {
    let declared = declared(text);
    if declared.len() > MAX_DECLARED {
        return Err(Problem::error(format!(
            "it declares {} entity types and actions, more than the {MAX_DECLARED} that are taken: what is the same \
             action on many types can be one, with a list of types",
            declared.len()
        )));
    }
    let mut all = 0;
    for name in declared.keys() {
        let (mut seen, mut next) = (HashSet::new(), vec![*name]);
        while let Some(name) = next.pop() {
            for above in declared.get(name).into_iter().flatten() {
                if seen.insert(*above) {
                    all += 1;
                    next.push(*above);
                }
            }
            if all > MAX_ABOVE {
                return Err(Problem::error(format!(
                    "its entity types and actions lie in one another more than {MAX_ABOVE} times, at any distance: \
                     its hierarchies are too deep"
                )));
            }
        }
    }
    Ok(())
}

/// The entity types and the actions of a schema, with what each lies in. Names go without their namespace and count
/// together where several share one.
fn declared(text: &str) -> HashMap<&str, HashSet<&str>> {
    let mut all: HashMap<&str, HashSet<&str>> = HashMap::new();
    let (mut names, mut place, mut before) = (Vec::new(), Place::Elsewhere, "");
    for token in Tokens::new(text) {
        let is_start = matches!(before, "" | ";" | "{" | "}" | ")");
        place = match (token.text, place) {
            ("entity" | "action", Place::Elsewhere) if is_start => {
                names.clear();
                Place::Names
            }
            ("in", Place::Names) => Place::Above,
            (";" | "{" | "=" | "appliesTo" | "enum" | "tags", Place::Names | Place::Above) => {
                for name in &names {
                    all.entry(*name).or_default();
                }
                Place::Elsewhere
            }
            (word, Place::Names) if is_name(word) || word.starts_with('"') => {
                names.push(word.trim_matches('"'));
                place
            }
            (word, Place::Above) if is_name(word) || word.starts_with('"') => {
                for name in &names {
                    all.entry(*name).or_default().insert(word.trim_matches('"'));
                }
                place
            }
            _ => place,
        };
        before = token.text;
    }
    all
}

/// Where in a declaration.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Names,
    Above,
    Elsewhere,
}

fn refused(size: Size) -> Problem {
    Problem::error(match size.depth > MAX_NESTING {
        true => format!("with its named types written out it is nested more than {MAX_NESTING} deep"),
        false => {
            format!("with its named types written out it has more than the {MAX_WORDS} words that are taken")
        }
    })
}

/// What a part of the text comes to, written out.
#[derive(Clone, Copy, Default)]
struct Size {
    words: u64,
    depth: usize,
}

impl Size {
    fn and(self, other: Size) -> Size {
        Size { words: self.words.saturating_add(other.words), depth: self.depth.max(other.depth) }
    }
}

/// The right side of a `type`, or all that is in none.
#[derive(Default)]
struct Body<'a> {
    words: u64,
    nesting: usize,
    /// Names that may be of types, as often as they stand there.
    names: Vec<&'a str>,
    at: std::ops::Range<usize>,
}

/// A schema's text, taken apart.
struct Parts<'a> {
    /// By name without namespace: types of one name in two namespaces count together.
    types: HashMap<&'a str, Vec<Body<'a>>>,
    outside: Body<'a>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let mut parts = Parts { types: HashMap::new(), outside: Body::default() };
        let mut tokens = Tokens::new(text).peekable();
        // The name of the type whose body this is, the body, and the brackets that are open in it.
        let mut inside: Option<(&'a str, Body<'a>)> = None;
        let (mut open, mut before) = (0_usize, ["", ""]);
        while let Some(token) = tokens.next() {
            let next = tokens.peek().map_or("", |next| next.text);
            match token.text {
                "=" if before[0] == "type" && inside.is_none() => {
                    open = 0;
                    inside = Some((before[1], Body { at: token.span.clone(), ..Body::default() }));
                }
                ";" => {
                    if let Some((name, body)) = inside.take() {
                        parts.types.entry(name).or_default().push(body);
                    }
                }
                word => {
                    let body = inside.as_mut().map_or(&mut parts.outside, |(_, body)| body);
                    body.words += 1;
                    match word {
                        "{" | "<" => open += 1,
                        "}" | ">" => open = open.saturating_sub(1),
                        _ if is_name(word) && next != ":" && next != "?" && next != "::" => {
                            body.names.push(word)
                        }
                        _ => {}
                    }
                    body.nesting = body.nesting.max(open);
                }
            }
            before = [before[1], token.text];
        }
        parts.types.extend(inside.map(|(name, body)| (name, vec![body])));
        parts
    }

    /// What a name comes to: nothing where it is of no type. A type in terms of itself is for Cedar to refuse.
    fn size(&self, name: &'a str, known: &mut HashMap<&'a str, Size>) -> Size {
        let mut open = vec![name];
        let mut entered: HashMap<&str, ()> = HashMap::new();
        while let Some(&name) = open.last() {
            if known.contains_key(name) {
                open.pop();
                continue;
            }
            let bodies = self.types.get(name).map_or(&[][..], Vec::as_slice);
            if entered.insert(name, ()).is_none() {
                let names = bodies.iter().flat_map(|body| &body.names);
                let unknown = |name: &&&str| self.types.contains_key(**name) && !known.contains_key(**name);
                open.extend(names.filter(unknown).filter(|name| !entered.contains_key(**name)));
                continue;
            }
            open.pop();
            let size = bodies.iter().fold(Size::default(), |size, body| {
                let mut all = Size { words: body.words, depth: 0 };
                for name in &body.names {
                    all = all.and(known.get(name).copied().unwrap_or_default());
                }
                all.depth += body.nesting;
                size.and(all)
            });
            known.insert(name, size);
        }
        known.get(name).copied().unwrap_or_default()
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::check;

    fn doubling(lines: usize) -> String {
        let mut text = String::from("type T0 = { x: Long };\n");
        for line in 1..lines {
            text.push_str(&format!("type T{line} = {{ x: T{}, y?: T{} }};\n", line - 1, line - 1));
        }
        text
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let problem = check(text).expect_err("it is too large");
        assert!(problem.message.contains(why), "{}", problem.message);
    }

    #[test]
    fn what_doubles_is_counted_and_not_written_out() {
        assert!(check(&doubling(12)).is_ok());
        for lines in [20, 24, 40, 63] {
            refused(&doubling(lines), "words");
        }
        refused(&doubling(10_000), "written out");
        // In sets, through namespaces, and used by entities alone.
        refused(&doubling(24).replace("x: T", "x: Set<T").replace(", y", ">, y"), "words");
        refused(&format!("namespace A {{ {} }}", doubling(24)).replace("y?: T", "y: A::T"), "words");
        let wide = format!(
            "{} {}",
            doubling(12),
            (0..1_000).map(|n| format!("entity E{n} = T11;")).collect::<String>()
        );
        refused(&wide, "words");
    }

    #[test]
    fn what_is_deep_through_names_is_refused() {
        let chain = |lines: usize| {
            let lines = (1..lines).map(|n| format!("type T{n} = {{ x: T{} }};", n - 1));
            format!("type T0 = Long; {}", lines.collect::<String>())
        };
        assert!(check(&chain(60)).is_ok());
        refused(&chain(80), "nested");
        refused(&chain(20_000), "nested");
    }

    #[test]
    fn what_lies_in_what_is_counted() {
        let chain = |of: &str, length: usize| {
            let lines = (1..length).map(|n| format!("{of} x{n} in [x{}];", n - 1));
            format!("{of} x0; {}", lines.collect::<String>())
        };
        for of in ["entity", "action"] {
            assert!(check(&chain(of, 300)).is_ok());
            refused(&chain(of, 500), "too deep");
            refused(&chain(of, 4_000), "too deep");
            refused(&(0..6_000).map(|n| format!("{of} x{n};")).collect::<String>(), "declares 6000");
        }
        refused(&format!("namespace A {{ {} }}", chain("entity", 500).replace("[x", "[A::x")), "too deep");
        assert!(check("entity a in b; entity b in a; action \"a b\" in [Action::\"a b\"];").is_ok());
    }

    #[test]
    fn ordinary_schemas_are_taken() {
        assert!(check(caseward_policies::SCHEMA).is_ok());
        assert!(check("type A = B; type B = A; entity E = { type: A, a?: B };").is_ok());
        assert!(check("entity E { type: String, \"=\": Long }; type").is_ok());
    }
}
