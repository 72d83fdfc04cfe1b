//! The patterns of `like`.

/// Texts between wildcards, each of which stands for any text: `a*b` is `["a", "b"]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pattern {
    parts: Vec<String>,
}

impl Pattern {
    /// INVARIANT: `parts` has one text more than the pattern has wildcards.
    pub(crate) fn new(parts: Vec<String>) -> Self {
        Pattern { parts }
    }

    /// The shortest text of the pattern, every wildcard standing for nothing.
    pub(crate) fn plainest(&self) -> String {
        self.parts.concat()
    }

    pub(crate) fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Whether the whole of `text` is of the pattern. Every part between is best taken at the first place.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (Some(first), Some((last, between))) =
            (self.parts.first(), self.parts.get(1..).and_then(<[_]>::split_last))
        else {
            return self.parts.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for part in between {
            match rest.find(part.as_str()).and_then(|at| rest.get(at + part.len()..)) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last.as_str()) && !(mutant!(LikeWantsOne) && rest == last) || mutant!(LikeIgnoresEnd)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern.split('*').map(str::to_owned).collect()).matches(text)
    }

    #[test]
    fn wildcards_stand_for_any_text() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "abc"),
            ("a*", "a"),
            ("a*b", "ab"),
            ("a*b", "a**b"),
            ("*b*", "abc"),
            ("a*b*c", "abbc"),
            ("**", "x"),
            ("é*", "éa"),
            ("*ab", "aab"),
            ("a*a*a", "aaa"),
        ] {
            assert!(matches(pattern, text), "{text} like {pattern}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", "ab"),
            ("a*", "ba"),
            ("a*a", "a"),
            ("a*b", "abc"),
            ("a*b*c", "acb"),
            ("*ab*ab", "ab"),
            ("a*a*a", "aa"),
        ] {
            assert!(!matches(pattern, text), "{text} like {pattern}");
        }
    }
}
