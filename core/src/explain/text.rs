//! Explanations as text: short sentences, or a tree of conditions.

use std::fmt::{self, Write as _};

use super::reason::{Composition, Condition, Operand, Reason};
use super::turn::Turn;
use super::{Explanation, Shown};
use crate::model::{Decision, Effect};
use crate::policy::Policy;

/// Conditions of one policy that are shown, parts included.
const LINES: usize = 60;
/// Policies by which others may that are shown.
const BY: usize = 5;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.answer.decision)?;
        self.story.iter().try_for_each(|sentence| writeln!(f, "  {sentence}"))?;
        for fault in &self.answer.errors {
            writeln!(f, "  {fault}")?;
        }
        for reason in &self.failed {
            writeln!(f, "  could not be evaluated: {}", headline(&reason.policy))?;
            failures(f, reason)?;
        }
        for reason in &self.deciding {
            writeln!(f, "  {} {}", verb(reason.policy.effect), headline(&reason.policy))?;
            asked(f, reason)?;
        }
        if let Some(more) = self.undescribed() {
            writeln!(f, "  {more}")?;
        }
        if self.answer.decision == Decision::Deny && self.answer.errors.is_empty() && self.deciding.is_empty()
        {
            let seen = if self.withheld { "no policy is seen to decide it" } else { "no policy permits it" };
            writeln!(f, "  {seen}")?;
        }
        if !self.nearest.is_empty() {
            writeln!(f, "\nThe permits that came nearest, each with the conditions that failed:")?;
            for reason in &self.nearest {
                writeln!(f, "  {}", headline(&reason.policy))?;
                failures(f, reason)?;
            }
            if self.more > 0 {
                writeln!(f, "  and {} more permits that are further off", self.more)?;
            }
        }
        if self.withheld {
            writeln!(f, "\nMore depends on facts that this viewer may not see.")?;
        }
        self.write_turn(f)?;
        self.write_instead(f)
    }
}

impl Explanation {
    /// Says how many of the policies that decided are not described.
    fn undescribed(&self) -> Option<String> {
        let more = self.answer.policies.len().saturating_sub(self.deciding.len());
        (more > 0).then(|| format!("and by {more} more"))
    }

    fn write_turn(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other = match self.answer.decision {
            Decision::Allow => "denied",
            Decision::Deny => "allowed",
        };
        match &self.turn {
            Turn::Found { edits, .. } => {
                let all = if edits.len() == 1 { "this" } else { "all of this" };
                writeln!(f, "\nThe smallest change: it would be {other} after {all}:")?;
                edits.iter().try_for_each(|edit| writeln!(f, "  - {edit}"))
            }
            Turn::Kept { facts } => {
                writeln!(
                    f,
                    "\nNothing that can be done here would have it {other}. It hangs on what others set:"
                )?;
                facts.iter().try_for_each(|fact| writeln!(f, "  - {fact}"))
            }
            Turn::NoneFound => writeln!(f, "\nThe smallest change by which it would be {other}: none found."),
            Turn::GaveUp => {
                writeln!(
                    f,
                    "\nThe smallest change by which it would be {other}: none found within the limit."
                )
            }
            Turn::Withheld => writeln!(f, "\nThe smallest change by which it would be {other}: withheld."),
            Turn::NotSought => Ok(()),
        }
    }

    fn write_instead(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(instead) = &self.instead else { return Ok(()) };
        if instead.count == 0 {
            return writeln!(f, "\nNobody else may do it, as the facts are.");
        }
        let named: Vec<String> = instead.people.iter().map(ToString::to_string).collect();
        let rest = instead.count.saturating_sub(named.len());
        let named = match (named.is_empty(), rest) {
            (true, _) => String::new(),
            (false, 0) => format!(": {}", named.join(", ")),
            (false, rest) => format!(": {} and {rest} more", named.join(", ")),
        };
        writeln!(f, "\nWho may do it instead: {}{named}", instead.count)?;
        for grant in instead.by.iter().take(BY) {
            let rule = grant.rule.as_deref().unwrap_or(&grant.policy);
            write!(f, "  - {} by {rule} ({})", grant.count, grant.policy)?;
            match &grant.description {
                Some(description) => writeln!(f, ": {description}")?,
                None => writeln!(f)?,
            }
        }
        match instead.by.len().saturating_sub(BY) {
            0 => Ok(()),
            more => writeln!(f, "  and by {more} more policies"),
        }
    }

    /// The conditions as trees: ✔ holds, ✘ does not, ! has no value, ? is open or withheld.
    pub fn tree(&self) -> String {
        let mut out = format!("{}\n", self.answer.decision);
        for fault in &self.answer.errors {
            let _ = writeln!(out, "{fault}");
        }
        let all = [("in error:", &self.failed), ("", &self.deciding), ("nearest:", &self.nearest)];
        for (label, reasons) in all {
            for reason in reasons {
                let label = if label.is_empty() { verb(reason.policy.effect) } else { label };
                let _ = writeln!(out, "{label} {}", headline(&reason.policy));
                let mut lines = 0;
                for (at, condition) in reason.conditions.iter().enumerate() {
                    let is_last = at + 1 == reason.conditions.len();
                    branch(&mut out, condition, &reason.policy, "", is_last, &mut lines);
                }
            }
        }
        if let Some(more) = self.undescribed() {
            let _ = writeln!(out, "{more}");
        }
        if self.more > 0 {
            let _ = writeln!(out, "and {} more permits that are further off", self.more);
        }
        if self.withheld {
            out.push_str("More depends on facts that this viewer may not see.\n");
        }
        let _ = write!(out, "{}", After(self));
        out
    }
}

/// What comes after the reasons.
struct After<'a>(&'a Explanation);

impl fmt::Display for After<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_turn(f)?;
        self.0.write_instead(f)
    }
}

fn verb(effect: Effect) -> &'static str {
    match effect {
        Effect::Permit => "permitted by",
        Effect::Forbid => "forbidden by",
    }
}

/// A policy's rule, id, description and source.
fn headline(policy: &Policy) -> String {
    let rule = policy.rule.as_deref().unwrap_or(&policy.id);
    let mut line = format!("{rule} ({})", policy.id);
    if let Some(description) = &policy.description {
        let _ = write!(line, ": {description}");
    }
    if let Some(source) = policy.annotations.get("source") {
        let _ = write!(line, " [{source}]");
    }
    line
}

/// What a policy that decided asked and found, by clause.
fn asked(f: &mut fmt::Formatter<'_>, reason: &Reason) -> fmt::Result {
    let mut last = None;
    for condition in reason.conditions.iter().take(LINES) {
        let line =
            format!("    {} {} ({})", mark(condition), name(condition), place(&reason.policy, condition));
        let asked = (name(condition), condition.holds);
        // A clause of several terms has one name; it is said once.
        if last.as_ref() != Some(&asked) {
            writeln!(f, "{line}")?;
        }
        last = Some(asked);
    }
    Ok(())
}

/// The conditions that failed, with what they compared.
fn failures(f: &mut fmt::Formatter<'_>, reason: &Reason) -> fmt::Result {
    for condition in reason.conditions.iter().filter(|c| c.holds != Some(true)).take(LINES) {
        if condition.holds.is_none() && condition.error.is_none() && !condition.withheld {
            continue;
        }
        writeln!(f, "    {} {}", mark(condition), name(condition))?;
        writeln!(f, "      {}: {}", place(&reason.policy, condition), condition.text)?;
        let mut found = Vec::new();
        tests(condition, &mut found);
        for test in found.iter().take(LINES) {
            writeln!(f, "      {}", sentence(test))?;
        }
    }
    Ok(())
}

/// The tests that tell how a condition came out as it did.
fn tests<'a>(condition: &'a Condition, found: &mut Vec<&'a Condition>) {
    if condition.made_of == Composition::Test {
        found.push(condition);
        return;
    }
    let decides = match (condition.made_of, condition.holds) {
        (Composition::All, Some(false)) => Some(false),
        (Composition::Any, Some(true)) => Some(true),
        _ => None,
    };
    for part in &condition.parts {
        let is_told = part.holds.is_some() || part.error.is_some() || part.withheld;
        if is_told && decides.is_none_or(|decides| part.holds == Some(decides) || part.holds.is_none()) {
            tests(part, found);
        }
    }
}

/// A test as a sentence: the operands with their values, and what was found.
fn sentence(test: &Condition) -> String {
    if let Some(error) = &test.error {
        let read = test.operands.iter().flat_map(|operand| std::iter::once(operand).chain(&operand.read));
        let values: Vec<String> = read.map(operand).collect();
        return format!("`{}` has no value: {error}; {}", test.text, values.join(", "));
    }
    let all: Vec<String> = test.operands.iter().map(operand).collect();
    let mut line = match (test.found, all.as_slice()) {
        (Some("has it" | "does not have it" | "is of the pattern" | "is not of the pattern"), _)
        | (Some("is of the type" | "is not of the type") | None, _) => {
            let so = match test.holds {
                Some(true) => "is so",
                Some(false) => "is not so",
                None if test.withheld => "is withheld",
                None => "is not looked at",
            };
            format!("`{}` {so}: {}", test.text, all.join(", "))
        }
        (Some(found), [left, right]) => format!("{left} {found} {right}"),
        (Some(found), all) => format!("{} {found}", all.join(", ")),
    };
    let read: Vec<String> = test.operands.iter().flat_map(|operand| &operand.read).map(operand).collect();
    if !read.is_empty() {
        let _ = write!(line, ", where {}", read.join(", "));
    }
    line
}

fn operand(operand: &Operand) -> String {
    match &operand.value {
        None => format!("`{}`", operand.text),
        Some(Shown::Absent) => format!("`{}` (absent)", operand.text),
        Some(value) => format!("`{}` = {value}", operand.text),
    }
}

fn branch(
    out: &mut String,
    condition: &Condition,
    policy: &Policy,
    indent: &str,
    is_last: bool,
    lines: &mut usize,
) {
    *lines += 1;
    if *lines > LINES {
        if *lines == LINES + 1 {
            let _ = writeln!(out, "{indent}└ …");
        }
        return;
    }
    let (elbow, below) = if is_last { ("└", " ") } else { ("├", "│") };
    let what = match condition.made_of {
        Composition::All => "all of".to_owned(),
        Composition::Any => "one of".to_owned(),
        Composition::Not => "not".to_owned(),
        Composition::If => "if, then, else".to_owned(),
        Composition::Test => sentence(condition),
    };
    let name = match (&condition.name, condition.negated) {
        (Some(name), true) => format!("unless {name}: "),
        (Some(name), false) => format!("{name}: "),
        (None, _) => String::new(),
    };
    let place = place(policy, condition);
    let _ = writeln!(out, "{indent}{elbow} {} {name}{what} ({place})", mark(condition));
    for (at, part) in condition.parts.iter().enumerate() {
        let is_last = at + 1 == condition.parts.len();
        branch(out, part, policy, &format!("{indent}{below}  "), is_last, lines);
    }
}

fn mark(condition: &Condition) -> char {
    match (condition.holds, &condition.error) {
        (Some(true), _) => '✔',
        (Some(false), _) => '✘',
        (None, Some(_)) => '!',
        (None, None) => '?',
    }
}

/// What a condition asks: its clause's name, or its text.
fn name(condition: &Condition) -> String {
    match (&condition.name, condition.negated) {
        (Some(name), true) if condition.holds == Some(true) => format!("not so: {name}"),
        (Some(name), true) => format!("unless {name}"),
        (Some(name), false) => name.to_string(),
        (None, _) => condition.text.clone(),
    }
}

fn place(policy: &Policy, condition: &Condition) -> String {
    format!("{}:{}:{}", policy.source, condition.span.line, condition.span.column)
}
