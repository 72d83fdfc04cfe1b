//! What annotations name, and what files are called.

use super::{Finding, Lint, Looked, Looker};
use crate::model::suggest::hint;

pub(super) fn lint(looked: &Looked<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for one in looked.all() {
        for (annotation, text) in &one.policy.annotations {
            let lints = Lint::ALL.map(Lint::name);
            let known: Vec<&str> = match annotation.as_ref() {
                "allow" => lints.to_vec(),
                name => match looked.subject.known.and_then(|known| known.of(name)) {
                    Some(all) => all.iter().map(|value| value.name.as_ref()).collect(),
                    None => continue,
                },
            };
            for name in text.split(',').map(str::trim) {
                if !known.contains(&name) {
                    found.push(unknown(one, annotation, name, &known));
                }
            }
        }
    }
    found.extend(looked.policies.iter().filter_map(file_name));
    found
}

fn unknown(one: &Looker<'_>, annotation: &str, name: &str, known: &[&str]) -> Finding {
    let hint = hint(name, known.iter().copied());
    let message = format!("`@{annotation}` names `{name}`, which is not known{hint}");
    let span = one.survey.annotation(annotation);
    let finding = Finding::new(Lint::UnknownName, one.file(), span, message);
    finding.help(match annotation {
        "allow" => "`caseward lint --list` tells every lint".to_owned(),
        _ => format!("`annotations.toml` lists what `@{annotation}` may name: add it there, or take another"),
    })
}

/// A file is called after its rule, with a part behind a dash. What is no file has a name of its own.
fn file_name(one: &Looker<'_>) -> Option<Finding> {
    let rule = one.policy.rule.as_deref()?;
    if !one.policy.source.ends_with(".cedar") {
        return None;
    }
    // Upper and lower case are one: some file systems know no difference.
    let (id, rule_in_lower) = (one.policy.id.to_lowercase(), rule.to_lowercase());
    let file = id.rsplit('.').next()?;
    let is_part = file
        .strip_prefix(rule_in_lower.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    // A rule that has dots has them in the file's name, too.
    if is_part || id.ends_with(&rule_in_lower) {
        return None;
    }
    let message =
        format!("`{}` writes down the rule `{rule}`, and its file is called otherwise", one.policy.id);
    let finding = Finding::new(Lint::RuleFileName, one.file(), one.survey.annotation("rule"), message);
    Some(finding.help(format!("call the file `{rule}.cedar` or `{rule}-PART.cedar`, or mend `@rule`")))
}
