//! The policies that a case in JSON names.

use super::super::types::inside;
use super::{Index, Symbol};
use crate::cedar::limits::{Token, Tokens};

pub(super) fn read(text: &str, index: &mut Index) {
    let tokens: Vec<Token<'_>> = Tokens::new(text).collect();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    for at in (0..tokens.len()).filter(|at| text(at + 1) == ":") {
        let opened = tokens.iter().enumerate().skip(at + 3);
        match text(at) {
            key @ ("\"policies\"" | "\"rules\"") if text(at + 2) == "[" => {
                for (_, token) in opened.take_while(|(_, token)| token.text != "]") {
                    if token.text.starts_with('"') {
                        let name = token.text.trim_matches('"').into();
                        let is_policy = key == "\"policies\"";
                        let symbol = if is_policy { Symbol::Policy(name) } else { Symbol::Rule(name) };
                        index.refer(symbol, inside(token));
                    }
                }
            }
            "\"fails\"" if text(at + 2) == "{" => {
                for (n, token) in opened.take_while(|(_, token)| token.text != "}") {
                    let name = token.text.trim_matches('"').into();
                    match (text(n + 1), text(n.saturating_sub(1))) {
                        (":", _) => index.refer(Symbol::Policy(name), inside(token)),
                        (_, ":") => index.refer(Symbol::Condition(name), inside(token)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}
