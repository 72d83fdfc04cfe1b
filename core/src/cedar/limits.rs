//! Bounds on source text, checked before Cedar's parser sees it.
//!
//! Cedar's parser and the drop of its syntax trees recurse: some 600 nested parentheses or a chain of
//! 5,000 terms overflow the stack and abort the process. The scan here is a plain loop over the bytes.

use std::ops::Range;

use crate::model::Problem;

/// Bytes of one source text.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// Brackets and `if`s open at one place.
pub(crate) const MAX_NESTING: usize = 64;
/// Operators on the way from the start of a statement down to one place.
pub(crate) const MAX_CHAIN: usize = 1_000;
/// Policies in one set.
pub(crate) const MAX_POLICIES: usize = 10_000;

/// Pairs of a principal type and a resource type that the actions of a schema apply to.
pub(crate) const MAX_ENVIRONMENTS: usize = 100_000;

/// What a text holds: a `<` opens a bracket in a schema (`Set<…>`) and compares in a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Policy,
    Schema,
}

/// Refuses a text of a policy folder, in whatever language, that is too large or starts with a byte order mark.
pub(crate) fn taken(text: &str) -> Result<(), Problem> {
    if text.len() > MAX_BYTES {
        return Err(Problem::error(format!(
            "the text has {} bytes, more than the {MAX_BYTES} that are taken",
            text.len()
        )));
    }
    if text.starts_with('\u{feff}') {
        let why = "the text starts with a byte order mark (BOM); save it as UTF-8 without one";
        return Err(Problem::error(why).at(text, 0..'\u{feff}'.len_utf8()));
    }
    Ok(())
}

/// Refuses `text` where it is larger or deeper than Cedar's parser can take.
pub(crate) fn check(text: &str, language: Language) -> Result<(), Problem> {
    taken(text)?;
    let mut depth = Depth::default();
    for token in Tokens::new(text) {
        depth.step(&token, language).map_err(|what| Problem::error(what).at(text, token.span))?;
    }
    Ok(())
}

/// How deep the syntax tree can be at one place of the text.
#[derive(Default)]
struct Depth {
    /// For each open bracket, what was open around it.
    open: Vec<Frame>,
    here: Frame,
}

/// Counts from the start of the statement to here.
#[derive(Clone, Copy, Default)]
struct Frame {
    nesting: usize,
    chain: usize,
}

impl Depth {
    fn step(&mut self, token: &Token<'_>, language: Language) -> Result<(), String> {
        match (token.text, language) {
            ("(" | "[" | "{", _) | ("<", Language::Schema) => {
                self.open.push(self.here);
                self.here.nesting += 1;
            }
            (")" | "]" | "}", _) | (">", Language::Schema) => {
                self.here = self.open.pop().unwrap_or_default();
                // A bracket that closes ends no chain: `(a)(b)…` goes on.
                self.here.chain += 1;
            }
            // Each of a list's members starts anew from the list itself.
            (",", _) => self.here = Frame { nesting: self.list_nesting(), chain: self.list_chain() },
            (";", _) => *self = Depth::default(),
            ("if", Language::Policy) => self.here.nesting += 1,
            ("&&" | "||" | "+" | "-" | "*" | "." | "!" | "==" | "!=" | "<" | "<=" | ">" | ">=", _)
            | ("in" | "has" | "like" | "is" | "when" | "unless" | "::" | "@", _) => self.here.chain += 1,
            _ => {}
        }
        if self.here.nesting > MAX_NESTING {
            return Err(format!("nested more than {MAX_NESTING} deep"));
        }
        if self.here.chain > MAX_CHAIN {
            return Err(format!("more than {MAX_CHAIN} operators in one expression"));
        }
        Ok(())
    }

    fn list_nesting(&self) -> usize {
        self.open.last().map_or(0, |outer| outer.nesting + 1)
    }

    fn list_chain(&self) -> usize {
        self.open.last().map_or(0, |outer| outer.chain)
    }
}

/// A token of Cedar's policy or schema language, as far as bounds and clauses need it.
#[derive(Clone)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) span: Range<usize>,
}

/// Splits a text into tokens; strings are one token, comments and white space none.
pub(crate) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Tokens { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let len = match first {
            '"' => string_len(rest),
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            c => {
                let two = rest.get(..2).unwrap_or_default();
                if ["&&", "||", "==", "!=", "<=", ">=", "::"].contains(&two) { 2 } else { c.len_utf8() }
            }
        };
        let span = self.at..self.at + len;
        self.at += len;
        Some(Token { text: rest.get(..len).unwrap_or_default(), span })
    }
}

/// The length of the string literal that `text` starts with, quotes included.
fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{Language, MAX_CHAIN, MAX_NESTING, check};

    fn policy(condition: &str) -> String {
        format!("permit (principal, action, resource) when {{ {condition} }};")
    }

    fn refused(text: &str, why: &str) {
        let problem = check(text, Language::Policy).expect_err("the text is over a limit");
        assert!(problem.message.contains(why), "{}", problem.message);
    }

    #[test]
    fn takes_ordinary_policies() {
        let wide = vec!["\"x\""; 10_000].join(", ");
        for condition in [
            "true",
            "((((1))))  + 2 == 3",
            &format!("[{wide}].contains(resource.kind)"),
            "resource.name like \"(((((*\" // ((((((((",
        ] {
            check(&policy(condition), Language::Policy).expect("an ordinary policy");
        }
    }

    #[test]
    fn refuses_what_overflows_the_parser() {
        for (open, close) in [("(", ")"), ("[", "]"), ("{a:", "}"), ("if true then 1 else ", ""), ("f(", ")")]
        {
            let deep = open.repeat(20_000) + "1" + &close.repeat(20_000);
            refused(&policy(&deep), "nested");
        }
        for link in
            [" && true", " || true", " + 1", " - 1", " * 1", ".a", " == 1", " in x", ".f(1)", " has a", "(1)"]
        {
            let long = format!("true{}", link.repeat(20_000));
            refused(&policy(&long), "operators");
        }
        refused(&policy(&format!("{}true", "!".repeat(20_000))), "operators");
        refused(&"permit (principal, action, resource)".to_owned().add_clauses(), "operators");
        refused(&"x".repeat((1 << 20) + 1), "bytes");
    }

    trait AddClauses {
        fn add_clauses(self) -> String;
    }

    impl AddClauses for String {
        fn add_clauses(mut self) -> String {
            self.push_str(&"when { true }".repeat(20_000));
            self
        }
    }

    #[test]
    fn limits_are_exact() {
        let nested = |n: usize| policy(&("(".repeat(n) + "true" + &")".repeat(n)));
        assert!(check(&nested(MAX_NESTING - 1), Language::Policy).is_ok());
        assert!(check(&nested(MAX_NESTING), Language::Policy).is_err());
        let chain = |n: usize| policy(&format!("true{}", " && true".repeat(n)));
        // The scope's brackets and the `when` come before it.
        assert!(check(&chain(MAX_CHAIN - 2), Language::Policy).is_ok());
        assert!(check(&chain(MAX_CHAIN - 1), Language::Policy).is_err());
    }

    #[test]
    fn schema_brackets_count() {
        let text = format!("entity A = {{ a: {}Long{} }};", "Set<".repeat(200), ">".repeat(200));
        assert!(check(&text, Language::Schema).is_err());
    }
}
