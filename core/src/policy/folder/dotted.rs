//! Names that start with a dot: those of other programs are passed over, and nothing else is.
//!
//! INVARIANT: a policy or a case behind a dot would be one that nobody misses. What is in neither list is refused, and
//! nothing in the lists is a name that people give to policies or cases.

/// Files and folders of systems, editors and tools, by their whole names.
const NAMES: [&str; 40] = [
    "..data",
    "..data_tmp",
    ".DS_Store",
    ".bzr",
    ".cargo",
    ".devcontainer",
    ".directory",
    ".dockerignore",
    ".editorconfig",
    ".fleet",
    ".fseventsd",
    ".git",
    ".git-blame-ignore-revs",
    ".gitattributes",
    ".githooks",
    ".github",
    ".gitignore",
    ".gitkeep",
    ".gitlab-ci.yml",
    ".gitmodules",
    ".helix",
    ".helmignore",
    ".hg",
    ".hgignore",
    ".hypothesis",
    ".idea",
    ".ignore",
    ".jj",
    ".keep",
    ".mailmap",
    ".mypy_cache",
    ".pre-commit-config.yaml",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".venv",
    ".vs",
    ".vscode",
    ".yamllint",
    ".zed",
];

/// Those of them that are files: a folder of this name is somebody's own.
const FILES: [&str; 17] = [
    ".DS_Store",
    ".directory",
    ".dockerignore",
    ".editorconfig",
    ".git-blame-ignore-revs",
    ".gitattributes",
    ".gitignore",
    ".gitkeep",
    ".gitlab-ci.yml",
    ".gitmodules",
    ".helmignore",
    ".hgignore",
    ".ignore",
    ".keep",
    ".mailmap",
    ".pre-commit-config.yaml",
    ".yamllint",
];

/// What editors, systems and this command leave beside a file that is open: `.#S1.cedar`, `._S1.cedar`.
const STARTS: [&str; 6] = [".#", "._", ".~", ".nfs", ".fuse_hidden", ".caseward-"];
/// The same by its end: `.S1.cedar~`, `.S1.cedar.un~`.
const END: &str = "~";

/// Whether a name that starts with a dot is passed over; `is_folder` of a folder, and of a link to one.
///
/// # Errors
/// It is not known: why it cannot stand there.
pub(crate) fn passes(name: &str, is_folder: bool) -> Result<(), String> {
    let is_left_behind =
        STARTS.iter().any(|start| name.starts_with(start)) || name.ends_with(END) || is_swap_file(name);
    let is_known = NAMES.contains(&name) && !(is_folder && FILES.contains(&name));
    if is_known || is_folder && is_of_kubernetes(name) || !is_folder && is_left_behind {
        return Ok(());
    }
    let what = if is_folder { "folders" } else { "files" };
    Err(format!(
        "its name starts with a dot, and it is none of the {what} of editors and systems that are passed over: rename \
         it, or move it away"
    ))
}

/// Whether a folder is one of those that Kubernetes mounts, by its name.
pub(super) fn is_mounted(name: &str) -> bool {
    matches!(name, "..data" | "..data_tmp") || is_of_kubernetes(name)
}

/// `.S1.cedar.swp`, as Vim leaves it; the next are `.swo`, `.swn` and so on.
fn is_swap_file(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ending.strip_prefix("sw").is_some_and(|last| matches!(last.as_bytes(), [b'a'..=b'p']))
}

/// `..2026_01_01_10_30_00.123456789`, which a mounted ConfigMap's links lead through.
fn is_of_kubernetes(name: &str) -> bool {
    name.strip_prefix("..").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{FILES, NAMES, passes};

    #[test]
    fn what_is_known_is_passed_over_and_nothing_else() {
        for name in
            [".S1.cedar.swp", ".S1.cedar.swo", ".#S1.cedar", "._S1.cedar", ".~lock.S1.cedar#", ".S1.cedar~"]
        {
            assert!(passes(name, false).is_ok() && passes(name, true).is_err(), "{name}");
        }
        for name in NAMES {
            assert!(passes(name, false).is_ok(), "{name}");
            assert_eq!(passes(name, true).is_ok(), !FILES.contains(&name), "{name}");
        }
        assert!(FILES.iter().all(|name| NAMES.contains(name)));
        assert!(passes("..2026_01_01_10_30_00.1", true).is_ok());
        for name in [
            ".S1.cedar",
            ".alerts.toml",
            ".cases",
            ".gates",
            "..gates",
            "..2026",
            ".env",
            ".swp.toml",
            ".swz",
        ] {
            assert!(passes(name, false).is_err_and(|why| why.contains("starts with a dot")), "{name}");
        }
        assert!(passes("..gates", true).is_err() && passes(".gates", true).is_err());
    }

    #[test]
    fn the_documentation_has_every_name() {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/README.md");
        // An archive of the crate alone has no folder of policies beside it.
        let readme = std::fs::read_to_string(readme).ok();
        for text in std::iter::once(include_str!("layout.rs").to_owned()).chain(readme) {
            let missing: Vec<&str> =
                NAMES.into_iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    }
}
