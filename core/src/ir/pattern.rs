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

    /// Texts that may match all of several patterns, with what stands between wildcards one after the other: whether they
    /// do is asked of each pattern.
    #[cfg(feature = "author")]
    pub(crate) fn texts(patterns: &[&Pattern]) -> Vec<String> {
        let longest = |texts: Vec<&String>| texts.into_iter().max_by_key(|text| text.len()).cloned();
        let first =
            longest(patterns.iter().filter_map(|one| one.parts.first()).collect()).unwrap_or_default();
        let last = longest(patterns.iter().filter_map(|one| one.parts.last()).collect()).unwrap_or_default();
        let inner =
            |one: &&Pattern| one.parts.get(1..one.parts.len().saturating_sub(1)).unwrap_or_default().to_vec();
        let mut texts: Vec<String> = patterns.iter().map(|one| one.plainest()).collect();
        for turn in 0..patterns.len() {
            let mut turned = patterns.to_vec();
            turned.rotate_left(turn);
            for between in ["", "x"] {
                let middle = turned.iter().flat_map(inner);
                let all: Vec<String> =
                    [first.clone()].into_iter().chain(middle).chain([last.clone()]).collect();
                texts.push(all.join(between));
            }
        }
        texts
    }

    pub(crate) fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Whether it is nothing but wildcards.
    pub(crate) fn takes_all(&self) -> bool {
        self.parts.len() > 1 && self.parts.iter().all(String::is_empty)
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
