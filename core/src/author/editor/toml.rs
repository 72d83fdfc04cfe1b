//! TOML as far as its text shows it, whether or not it can be parsed: every key and value with the keys that lead to it.

use std::borrow::Cow;
use std::ops::Range;

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A key, in a line of its own, in braces, or in the head of a table.
    Key,
    /// A text as a value, or as a member of a list that is one.
    Text,
    /// Any other value.
    Other,
}

/// A key or a value.
#[derive(Debug)]
pub(super) struct Leaf<'t> {
    /// The keys that lead to it.
    pub(super) path: Vec<Cow<'t, str>>,
    pub(super) sort: Sort,
    /// Without its quotes.
    pub(super) text: Cow<'t, str>,
    /// In bytes, without the quotes.
    pub(super) span: Range<usize>,
    /// Which of the file's tables it is in.
    pub(super) table: usize,
}

/// Where a place lies, for what may be written there.
#[derive(Debug)]
pub(super) struct Spot<'t> {
    /// The keys that lead to the place.
    pub(super) path: Vec<Cow<'t, str>>,
    pub(super) kind: SpotKind,
    /// What was typed of it.
    pub(super) typed: Range<usize>,
    pub(super) table: usize,
}

/// What may be written at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpotKind {
    /// A key.
    Key,
    /// A key of the head of a table.
    Head,
    /// A value, without quotes yet.
    Value,
    /// A value within its quotes.
    Text,
    /// Nothing that is known of: a comment.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Braces,
    List,
}

/// Every key and value of a text.
pub(super) fn leaves(text: &str) -> Vec<Leaf<'_>> {
    let mut reader = Reader::new(text);
    while reader.step() {}
    reader.leaves
}

/// Those of one table, which stand together.
pub(super) fn of_table<'a, 't>(leaves: &'a [Leaf<'t>], table: usize) -> &'a [Leaf<'t>] {
    let start = leaves.partition_point(|leaf| leaf.table < table);
    let end = leaves.partition_point(|leaf| leaf.table <= table);
    leaves.get(start..end).unwrap_or_default()
}

/// What a place is, by what stands before it.
pub(super) fn spot(text: &str, at: usize) -> Spot<'_> {
    let at = text.floor_char_boundary(at.min(text.len()));
    let before = text.get(..at).unwrap_or_default();
    let mut reader = Reader::new(before);
    while reader.step() {}
    reader.spot()
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    leaves: Vec<Leaf<'t>>,
    /// The keys of the table's head.
    head: Vec<Cow<'t, str>>,
    table: usize,
    /// The keys of this line, and of the braces around; with the number of them that each open bracket has outside.
    keys: Vec<Cow<'t, str>>,
    open: Vec<(Bracket, usize)>,
    /// Whether a key comes, or a value.
    is_value: bool,
    in_head: bool,
    in_comment: bool,
    /// Where an open text starts, behind its quote.
    unclosed: Option<usize>,
    /// A word that ends the text.
    last_word: Option<Range<usize>>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Reader {
            text,
            at: 0,
            leaves: Vec::new(),
            head: Vec::new(),
            table: 0,
            keys: Vec::new(),
            open: Vec::new(),
            is_value: false,
            in_head: false,
            in_comment: false,
            unclosed: None,
            last_word: None,
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// One token further; false at the end.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return false };
        self.in_comment = false;
        self.last_word = None;
        match first {
            '\n' => self.line(),
            '#' => {
                let len = rest.find('\n').unwrap_or(rest.len());
                self.in_comment = len == rest.len();
                self.at += len;
            }
            c if c.is_whitespace() => self.at += c.len_utf8(),
            '"' | '\'' => self.quoted(rest, first),
            '[' | '{' => self.enter(first),
            ']' | '}' => self.leave(),
            '=' => {
                self.is_value = true;
                self.at += 1;
            }
            ',' => {
                self.at += 1;
                if let Some((Bracket::Braces, outside)) = self.open.last() {
                    self.keys.truncate(*outside);
                    self.is_value = false;
                }
            }
            '.' if !self.is_value => self.at += 1,
            _ => self.word(rest),
        }
        true
    }

    /// A line ends a key and its value, unless a bracket is open. A line that looks like a head ends those too: the
    /// bracket is not there yet.
    fn line(&mut self) {
        self.at += 1;
        let next = self.rest();
        let starts_table = next.starts_with('[') && !next.starts_with("[\"") || next.starts_with("[[");
        if self.open.is_empty() || starts_table && self.open.iter().all(|(open, _)| *open == Bracket::Braces)
        {
            self.keys.clear();
            self.open.clear();
            self.is_value = false;
            self.in_head = false;
        }
    }

    fn enter(&mut self, bracket: char) {
        self.at += 1;
        let starts_line =
            self.text.get(..self.at - 1).is_none_or(|before| before.is_empty() || before.ends_with('\n'));
        if bracket == '[' && !self.is_value && self.open.is_empty() && starts_line {
            if self.rest().starts_with('[') {
                self.at += 1;
            }
            (self.in_head, self.head) = (true, Vec::new());
            self.table += 1;
            return;
        }
        let kind = if bracket == '{' { Bracket::Braces } else { Bracket::List };
        self.open.push((kind, self.keys.len()));
        self.is_value = kind == Bracket::List;
    }

    fn leave(&mut self) {
        self.at += 1;
        if self.in_head {
            self.in_head = false;
            return;
        }
        if let Some((_, outside)) = self.open.pop() {
            self.keys.truncate(outside);
            self.is_value = true;
        }
    }

    fn quoted(&mut self, rest: &'t str, quote: char) {
        let (opens, len) = match rest.get(..3) {
            Some(three) if three.chars().all(|c| c == quote) => {
                let end = rest.get(3..).and_then(|inner| inner.find(three));
                (3, end.map(|end| end + 6))
            }
            _ => (1, closed(rest, quote)),
        };
        let start = self.at + opens;
        let Some(len) = len else {
            // It is not closed: of a text in one line, that line is lost.
            let end = if opens == 3 { rest.len() } else { rest.find('\n').unwrap_or(rest.len()) };
            self.unclosed = (self.at + end == self.text.len()).then_some(start);
            self.at += end;
            return;
        };
        let span = start..self.at + len - opens;
        self.at += len;
        self.take(span, true);
    }

    fn word(&mut self, rest: &'t str) {
        let ends = |c: char| c.is_whitespace() || "=,[]{}#\"'".contains(c) || c == '.' && !self.is_value;
        let len = rest.find(ends).unwrap_or(rest.len()).max(1);
        let len = if rest.is_char_boundary(len) { len } else { rest.len() };
        let span = self.at..self.at + len;
        self.at += len;
        self.take(span.clone(), false);
        self.last_word = Some(span);
    }

    fn take(&mut self, span: Range<usize>, is_text: bool) {
        let text = Cow::Borrowed(self.text.get(span.clone()).unwrap_or_default());
        let is_key = self.in_head || !self.is_value;
        let mut path = self.head.clone();
        path.extend(self.keys.iter().cloned());
        let sort = match (is_key, is_text) {
            (true, _) => Sort::Key,
            (false, true) => Sort::Text,
            (false, false) => Sort::Other,
        };
        self.leaves.push(Leaf { path, sort, text: text.clone(), span, table: self.table });
        if self.in_head {
            self.head.push(text);
        } else if is_key {
            self.keys.push(text);
        }
    }

    fn spot(mut self) -> Spot<'t> {
        let end = self.text.len();
        let mut typed = end..end;
        if let Some(start) = self.unclosed {
            typed = start..end;
        } else if let Some(word) = self.last_word.clone() {
            typed = word;
            // What is being typed leads nowhere yet.
            self.leaves.pop();
            if self.in_head {
                self.head.pop();
            } else if !self.is_value {
                self.keys.pop();
            }
        }
        let kind = match (self.in_comment, self.in_head, self.is_value, self.unclosed) {
            (true, ..) => SpotKind::Nothing,
            (_, true, ..) => SpotKind::Head,
            (_, _, true, Some(_)) => SpotKind::Text,
            (_, _, true, None) => SpotKind::Value,
            (_, _, false, _) => SpotKind::Key,
        };
        let mut path = self.head;
        path.extend(self.keys);
        Spot { path, kind, typed, table: self.table }
    }
}

/// The length of a text in one line with its quotes; `None` where it is not closed.
fn closed(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Sort, SpotKind, leaves, spot};

    fn told(text: &str) -> Vec<String> {
        let all = leaves(text).into_iter().map(|leaf| {
            let sort = match leaf.sort {
                Sort::Key => "key",
                Sort::Text => "text",
                Sort::Other => "other",
            };
            assert_eq!(&text[leaf.span.clone()], leaf.text);
            format!("{}: {sort} {}", leaf.path.join("/"), leaf.text)
        });
        all.collect()
    }

    #[test]
    fn keys_and_values_have_the_path_that_leads_to_them() {
        let text = "now = 1 # = \"x\"\n[world.User.\"a b\"]\nat = [\"x\", \"y\"]\n[[case]]\nfails = { \"s.S1\" = \"open, or \\\"so\" }\n\
                    change = { \"A.b\" = { c = \"d\", e = true } }\nlong = \"\"\"\n[no]\n\"\"\"\nlast = 'z'\n";
        assert_eq!(
            told(text),
            [
                ": key now",
                "now: other 1",
                ": key world",
                "world: key User",
                "world/User: key a b",
                "world/User/a b: key at",
                "world/User/a b/at: text x",
                "world/User/a b/at: text y",
                ": key case",
                "case: key fails",
                "case/fails: key s.S1",
                "case/fails/s.S1: text open, or \\\"so",
                "case: key change",
                "case/change: key A.b",
                "case/change/A.b: key c",
                "case/change/A.b/c: text d",
                "case/change/A.b: key e",
                "case/change/A.b/e: other true",
                "case: key long",
                "case/long: text \n[no]\n",
                "case: key last",
                "case/last: text z",
            ]
        );
    }

    #[test]
    fn a_place_is_told_by_what_stands_before_it() {
        for (text, path, kind, typed) in [
            ("", "", SpotKind::Key, ""),
            ("[wor", "", SpotKind::Head, "wor"),
            ("[world.", "world", SpotKind::Head, ""),
            ("[[case]]\nact", "case", SpotKind::Key, "act"),
            ("[[case]]\naction = \"vi", "case/action", SpotKind::Text, "vi"),
            ("[[case]]\naction = [\"a\", \"vi", "case/action", SpotKind::Text, "vi"),
            ("[[case]]\nexpect = ", "case/expect", SpotKind::Value, ""),
            ("[[case]]\nfails = { \"a.b\" = \"op", "case/fails/a.b", SpotKind::Text, "op"),
            ("[[case]]\nfails = { \"a.", "case/fails", SpotKind::Key, "a."),
            ("a = 1 # x", "a", SpotKind::Nothing, ""),
            ("[[case]]\nname = \"open\nrules = [\"S", "case/rules", SpotKind::Text, "S"),
            ("[[case]]\nx = { y = 1\n[[case]]\nz", "case", SpotKind::Key, "z"),
            ("ā = \"ō", "ā", SpotKind::Text, "ō"),
        ] {
            let spot = spot(text, text.len());
            assert_eq!(
                (spot.path.join("/").as_str(), spot.kind, &text[spot.typed.clone()]),
                (path, kind, typed),
                "{text}"
            );
        }
    }
}
