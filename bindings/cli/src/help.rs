//! The help of the command itself: its verbs by what they are for.

use clap::{Command, CommandFactory as _};

use crate::cli::Cli;

/// What verbs are for, and which they are, in the order in which one meets them. clap has one heading for all.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Ask", &["check", "list", "who", "view", "actions", "explain", "count", "report", "alert", "filter"]),
    (
        "Write policies",
        &[
            "init", "validate", "lint", "fmt", "lsp", "test", "coverage", "mutate", "prove", "diff", "ci",
            "matrix", "docs", "decision", "role",
        ],
    ),
    ("Keep cases", &["store", "do", "feed", "search", "due", "reassign", "watch", "audit", "serve"]),
    ("Build", &["bundle", "tables", "schemas", "completions", "man"]),
    ("Data", &["sample", "snapshot", "demo"]),
];

/// The command whose help has its verbs in groups.
pub(crate) fn command() -> Command {
    let command = Cli::command();
    let header = *command.get_styles().get_header();
    let groups: String = GROUPS.iter().map(|(title, verbs)| format!("{}\n", group(title, verbs))).collect();
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}{header}Options:{header:#}\n\
         {{options}}{{after-help}}"
    );
    command.help_template(template)
}

/// What clap prints of these verbs, were there no others.
fn group(title: &'static str, verbs: &[&str]) -> String {
    let mut command = Cli::command()
        .subcommand_help_heading(title)
        .help_template("{all-args}")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .mut_args(|arg| arg.hide(true));
    let all: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    for name in all {
        let place = verbs.iter().position(|verb| **verb == *name);
        command = command
            .mut_subcommand(&name, |verb| verb.hide(place.is_none()).display_order(place.unwrap_or(0)));
    }
    let shown = command.render_help().ansi().to_string();
    shown.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::{GROUPS, command};

    #[test]
    fn every_verb_is_in_one_group_and_shown_once() {
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect();
        let verbs: Vec<String> =
            crate::cli::Cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
        assert_eq!(grouped.len(), grouped.iter().collect::<BTreeSet<_>>().len());
        let help = command().render_long_help().to_string();
        for verb in &verbs {
            assert!(grouped.contains(&verb.as_str()), "{verb} is in no group");
            let lines = help.lines().filter(|line| line.starts_with(&format!("  {verb} "))).count();
            assert_eq!(lines, 1, "{verb}: {help}");
        }
        for (title, _) in GROUPS {
            assert!(help.contains(&format!("\n{title}:\n")), "{title}: {help}");
        }
        assert!(help.contains("\nOptions:\n") && help.contains("Exit codes:"), "{help}");
    }
}
