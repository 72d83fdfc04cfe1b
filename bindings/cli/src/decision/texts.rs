//! What the decisions say, from the DECISIONS.md beside the policies.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::input;
use crate::load::PolicyArgs;

/// Bytes of the file.
const MAX_BYTES: usize = 1 << 20;

/// By decision, what it says; nothing for a folder that does not say it.
pub(super) fn read(policies: &PolicyArgs) -> Result<BTreeMap<String, String>, Failure> {
    let Some(folder) = policies.folder() else { return Ok(of(caseward::attendance::DECISIONS)) };
    let path = folder.join("DECISIONS.md");
    if !path.try_exists().map_err(|e| Failure::file("read", input::name(&path), &e))? {
        return Ok(BTreeMap::new());
    }
    Ok(of(&input::text(&path, MAX_BYTES)?))
}

/// Reads headings that begin with a decision's name, each with the text below it, and rows of tables whose first cell
/// is one.
fn of(text: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut open: Option<(String, Vec<String>)> = None;
    let close = |open: &mut Option<(String, Vec<String>)>, found: &mut BTreeMap<String, String>| {
        if let Some((name, said)) = open.take() {
            found.entry(name).or_insert_with(|| said.join("\n").trim().to_owned());
        }
    };
    for line in text.lines() {
        let heading = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim());
        if let Some(heading) = heading {
            close(&mut open, &mut found);
            let (name, rest) =
                heading.split_at(heading.find(|c: char| !c.is_alphanumeric()).unwrap_or(heading.len()));
            if is_name(name) {
                let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || ":.·–—-".contains(c));
                open = Some((name.to_owned(), vec![rest.to_owned()]));
            }
            continue;
        }
        if let Some(row) = line.trim().strip_prefix('|') {
            let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
            if let [name, said @ ..] = cells.as_slice()
                && is_name(name)
            {
                found.entry((*name).to_owned()).or_insert_with(|| said.join(" → "));
            }
            continue;
        }
        if let Some((_, said)) = &mut open
            && !(line.trim().is_empty() && said.last().is_some_and(String::is_empty))
        {
            said.push(line.trim_end().to_owned());
        }
    }
    close(&mut open, &mut found);
    found
}

/// Whether it is the name of a decision: a capital and a number, such as D6.
fn is_name(text: &str) -> bool {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_uppercase());
    digits.len() < text.len() && !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn headings_and_rows_are_read() {
        let text = "# Decisions\n\nPreface.\n\n## D1 Who leads?\n\nThe attendance lead.\nAlways.\n\n## D10: And why\n\
                    ## Not one\nx\n\n| | the question | the reading |\n|---|---|---|\n| D2 | What? | This |\n";
        let found = of(text);
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["D1", "D10", "D2"]);
        assert_eq!(found["D1"], "Who leads?\n\nThe attendance lead.\nAlways.");
        assert_eq!((found["D10"].as_str(), found["D2"].as_str()), ("And why", "What? → This"));
    }
}
