//! The matrix as people read it.

use std::fmt;

use super::{Block, Line, Matrix};

/// Width of the column of actions.
const ACTIONS: usize = 29;
/// Width of a page.
const PAGE: usize = 110;

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title.trim_end())?;
        writeln!(f, "Made by `caseward matrix`; every mark is the answer to one check.\n")?;
        if !self.about.trim().is_empty() {
            writeln!(f, "{}\n", self.about.trim_end())?;
        }
        let wide = self.width();
        for (heading, legend) in &self.people {
            writeln!(f, "  {heading:wide$}  {legend}")?;
        }
        let mut first: Option<&Block> = None;
        for block in &self.blocks {
            first = first.filter(|first| first.resource == block.resource);
            if first.is_none() {
                writeln!(f, "\n{}\n{}", block.resource, "=".repeat(block.resource.chars().count()))?;
            }
            writeln!(f)?;
            self.print(block, first, f)?;
            first = first.or(Some(block));
        }
        Ok(())
    }
}

impl Matrix {
    /// Characters of the longest heading.
    fn width(&self) -> usize {
        self.people.iter().map(|(heading, _)| heading.chars().count()).max().unwrap_or(0)
    }

    /// Prints what is not as in `first`, and names the rest.
    fn print(&self, block: &Block, first: Option<&Block>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", block.resource, block.situation)?;
        let (nobody, somebody): (Vec<&Line>, Vec<&Line>) =
            block.rows.iter().partition(|line| line.allowed.is_empty());
        let (known, new): (Vec<&Line>, Vec<&Line>) = somebody
            .into_iter()
            .partition(|line| first.is_some_and(|first| first.rows.iter().any(|row| row.says_as(line))));
        let wide = self.width();
        // No line ends in blanks.
        let row = |cells: Vec<String>| cells.join(" ").trim_end().to_owned();
        if !new.is_empty() {
            let heads = self.people.iter().map(|(heading, _)| format!("{heading:wide$}"));
            writeln!(f, "{:ACTIONS$}{}", "", row(heads.collect()))?;
        }
        for line in new {
            let mark = |heading: &String| if line.allowed.contains(heading) { "✔" } else { "✘" };
            let marks = self.people.iter().map(|(heading, _)| format!("{:wide$}", mark(heading)));
            writeln!(f, "  {:2$}{}", line.action, row(marks.collect()), ACTIONS - 2)?;
        }
        wrap("  as in the first:", &known, f)?;
        wrap("  ✘ for everybody:", &nobody, f)
    }
}

impl Line {
    /// Whether it allows the same action to the same roles.
    fn says_as(&self, other: &Line) -> bool {
        (&self.action, &self.allowed) == (&other.action, &other.allowed)
    }
}

/// Prints the actions of `lines` after `start`, on as many lines as they take; nothing where there are none.
fn wrap(start: &str, lines: &[&Line], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    f.write_str(start)?;
    let mut width = start.chars().count();
    for Line { action, .. } in lines {
        if width + 1 + action.len() > PAGE {
            write!(f, "\n   ")?;
            width = 3;
        }
        write!(f, " {action}")?;
        width += 1 + action.len();
    }
    writeln!(f)
}
