//! Where a schema's text declares entity types and their attributes.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::cedar::limits::Tokens;

/// The places of declarations, by entity type with its namespace, and attribute; the type itself under no attribute.
pub(crate) struct Spots(BTreeMap<(String, Option<String>), Range<usize>>);

impl Spots {
    /// Reads the text of a schema that was found valid. What shares a declaration (`entity A, B = {…}`) has its place.
    pub(crate) fn of(schema: &str) -> Self {
        let tokens: Vec<_> = Tokens::new(schema).collect();
        let mut spots = BTreeMap::new();
        let mut spaces: Vec<(String, i32)> = Vec::new();
        // The types that are being declared, and the depth of brackets that they are declared at.
        let mut declared: Option<(Vec<String>, i32)> = None;
        let mut depth = 0_i32;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let next = |n: usize| tokens.get(at + n).map_or("", |token| token.text);
            match token.text {
                "namespace" if declared.is_none() => {
                    let name: String =
                        tokens.iter().skip(at + 1).map(|t| t.text).take_while(|t| *t != "{").collect();
                    spaces.push((name, depth));
                }
                "entity" if declared.is_none() && next(1) != "(" => {
                    let mut names = Vec::new();
                    for name in tokens
                        .iter()
                        .skip(at + 1)
                        .take_while(|t| !["in", "=", "{", ";", "enum", "tags"].contains(&t.text))
                    {
                        if name.text != "," {
                            let full = match spaces.last() {
                                Some((space, _)) => format!("{space}::{}", name.text),
                                None => name.text.to_owned(),
                            };
                            spots.insert((full.clone(), None), name.span.clone());
                            names.push(full);
                        }
                    }
                    declared = Some((names, depth));
                }
                "{" | "[" | "(" | "<" => depth += 1,
                "}" | "]" | ")" | ">" => {
                    depth -= 1;
                    if spaces.last().is_some_and(|(_, outside)| *outside == depth) && declared.is_none() {
                        spaces.pop();
                    }
                }
                ";" if declared.as_ref().is_some_and(|(_, outside)| *outside == depth) => declared = None,
                name => {
                    let follows = next(1) == ":" || next(1) == "?" && next(2) == ":";
                    if let Some((names, outside)) = &declared
                        && depth == outside + 1
                        && follows
                    {
                        for of in names {
                            let key = (of.clone(), Some(name.trim_matches('"').to_owned()));
                            spots.insert(key, token.span.clone());
                        }
                    }
                }
            }
            at += 1;
        }
        Spots(spots)
    }

    /// Every place: the type, the attribute where it is that of one, and where it stands, quotes included.
    #[cfg(feature = "fs")]
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Option<&str>, Range<usize>)> {
        self.0.iter().map(|((ty, attribute), span)| (ty.as_str(), attribute.as_deref(), span.clone()))
    }

    pub(crate) fn entity(&self, name: &str) -> Option<Range<usize>> {
        self.0.get(&(name.to_owned(), None)).cloned()
    }

    pub(crate) fn attribute(&self, ty: &str, name: &str) -> Option<Range<usize>> {
        self.0.get(&(ty.to_owned(), Some(name.to_owned()))).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::Spots;

    #[test]
    fn declarations_are_found_where_they_stand() {
        let text = "entity A, B in [C] = { @x(\"kind: no\") kind: String, deep?: { kind: Long }, \"odd name\": Bool } tags String;\n\
            namespace N { entity C enum [\"kind\"]; entity D { owner?: A }; }\n entity E;";
        let spots = Spots::of(text);
        let at = |span: Option<std::ops::Range<usize>>| span.map(|span| (span.start, &text[span]));
        assert_eq!(at(spots.entity("A")), Some((7, "A")));
        assert_eq!(at(spots.attribute("B", "kind")), text.find("kind: String").map(|start| (start, "kind")));
        assert_eq!(at(spots.attribute("A", "odd name")).map(|(_, text)| text), Some("\"odd name\""));
        assert_eq!(at(spots.attribute("N::D", "owner")).map(|(_, text)| text), Some("owner"));
        assert_eq!(at(spots.entity("N::C")).map(|(_, text)| text), Some("C"));
        assert_eq!(at(spots.entity("E")).map(|(_, text)| text), Some("E"));
        assert_eq!(spots.attribute("A", "absent"), None);
    }
}
