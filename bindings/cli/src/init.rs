//! `caseward init`: a folder of policies to start from, with everything around it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use caseward::{Sources, Ward};

use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::terminal::Terminal;
use crate::{docs, matrix, output};

/// Write a schema, policies, invariants, cases and what is around them, to start from.
///
/// What is written validates, passes its cases, covers every condition and is proved. Nothing that is there is
/// overwritten: where there is a folder of policies, it is left alone, and so is each other file.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of the project; the policies go into `policies` in it.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// A file, by its path in the project.
type File = (&'static str, &'static str);

/// The folder of policies, all or nothing: half of it would not fit what is there.
const POLICIES: [File; 12] = [
    ("policies/schema.cedarschema", include_str!("../templates/policies/schema.cedarschema")),
    ("policies/fields.toml", include_str!("../templates/policies/fields.toml")),
    ("policies/matrix.toml", include_str!("../templates/policies/matrix.toml")),
    ("policies/annotations.toml", include_str!("../templates/policies/annotations.toml")),
    ("policies/README.md", include_str!("../templates/policies/README.md")),
    ("policies/gates/G1.cedar", include_str!("../templates/policies/gates/G1.cedar")),
    ("policies/documents/R1.cedar", include_str!("../templates/policies/documents/R1.cedar")),
    ("policies/documents/R2.cedar", include_str!("../templates/policies/documents/R2.cedar")),
    ("policies/documents/R3.cedar", include_str!("../templates/policies/documents/R3.cedar")),
    ("policies/invariants/1-team.cedar", include_str!("../templates/policies/invariants/1-team.cedar")),
    ("policies/invariants/2-account.cedar", include_str!("../templates/policies/invariants/2-account.cedar")),
    ("policies/tests/cases/documents.toml", include_str!("../templates/policies/tests/cases/documents.toml")),
];

/// What is around the policies; each where it is missing.
const AROUND: [File; 6] = [
    (".github/workflows/policies.yml", include_str!("../templates/policies.yml")),
    (HOOK, include_str!("../templates/pre-commit")),
    (".editorconfig", include_str!("../templates/editorconfig")),
    (".vscode/settings.json", include_str!("../templates/vscode-settings.json")),
    (".vscode/extensions.json", include_str!("../templates/vscode-extensions.json")),
    (".vscode/tasks.json", include_str!("../templates/vscode-tasks.json")),
];

const HOOK: &str = ".githooks/pre-commit";
const FOLDER: &str = "policies";

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let root = &args.folder;
    let schema = root.join("schema.cedarschema");
    if is_there(&schema) {
        return Err(Failure::other(format!(
            "{} is a folder of policies itself: what stands around policies would not be valid in it; name the folder \
             that it stands in",
            crate::input::name(root)
        )));
    }
    let mut told = String::new();
    let mut tell = |what: &str, name: &str| told.push_str(&format!("{what:<8} {}\n", printable(name)));
    if is_there(&root.join(FOLDER)) {
        tell("kept", FOLDER);
    } else {
        for (name, text) in POLICIES {
            write(root, name, text)?;
            tell("written", name);
        }
        let rules = format!("{FOLDER}/{}", docs::FILE);
        let ward = Ward::new(&Sources::read_folder(root.join(FOLDER), None)?)?;
        let matrix = matrix::decided(Some(&root.join(FOLDER)), &ward)?;
        write(root, &rules, &docs::markdown(&ward, Some(&matrix)))?;
        tell("written", &rules);
        let table = format!("{FOLDER}/{}", matrix::FILE);
        write(root, &table, &matrix.to_string())?;
        tell("written", &table);
    }
    for (name, text) in AROUND {
        if write(root, name, text)? {
            tell("written", name);
        } else {
            tell("kept", name);
        }
    }
    output::print(&told)?;
    terminal.note(
        "Next: `git config core.hooksPath .githooks` for the hook, `caseward ci --policies policies` for everything \
         at once; `caseward explain --help` says how to ask why.",
    );
    Ok(Exit::Success)
}

/// Whether something is there, a link that leads nowhere too.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Writes a file that is not there, with its folders; `false` where there is one.
fn write(root: &Path, name: &str, text: &str) -> Result<bool, Failure> {
    let path = root.join(name);
    let refuse = |e: &io::Error| Failure::file("write", crate::input::name(&path), e);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| refuse(&e))?;
    }
    let mut file = match create(&path, name == HOOK) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(refuse(&error)),
    };
    file.write_all(text.as_bytes()).map_err(|e| refuse(&e))?;
    Ok(true)
}

fn create(path: &Path, may_run: bool) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if may_run { 0o755 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = may_run;
    options.open(path)
}
