//! Folders with something in them that must not be passed over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::FilePart;
use crate::policy::Sources;

const POLICY: &str = "@id(\"x\") permit (principal, action, resource);";

/// A folder with a schema and one policy; it goes when this is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder =
            Folder(std::env::temp_dir().join(format!("caseward-folder-{}-{number}", std::process::id())));
        folder.write("schema.cedarschema", "entity User;");
        folder.write("gates/G1.cedar", POLICY);
        folder
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[cfg(unix)]
    fn link(&self, target: impl AsRef<Path>, name: &str) {
        std::os::unix::fs::symlink(target, self.0.join(name)).unwrap();
    }

    /// The names of the policies and of the invariants.
    fn names(&self) -> (Vec<String>, Vec<String>) {
        let names = |sources: Sources| sources.policies.iter().map(|s| s.name.to_string()).collect();
        (
            names(Sources::read_folder(&self.0, None).unwrap()),
            names(Sources::read_invariants(&self.0, None).unwrap()),
        )
    }

    /// Asserts that policies and invariants are refused, for the same reason, and the file is named.
    #[track_caller]
    fn refused(&self, file: &str, why: &str) {
        for read in [Sources::read_folder(&self.0, None), Sources::read_invariants(&self.0, None)] {
            let error = read.expect_err("the folder must be refused");
            assert!(error.is_read(), "{error}");
            let error = error.to_string();
            assert!(
                error.contains(&self.0.join(file).display().to_string()) && error.contains(why),
                "{error}"
            );
        }
    }
}

#[test]
fn what_may_stand_beside_policies_is_left_out() {
    let folder = Folder::new();
    for name in [
        "README.md",
        "RULES.md",
        "gates/README.md",
        "matrix.out",
        "proofs.lock",
        "expected.toml",
        "Cargo.toml",
        "build.rs",
        "src/lib.rs",
        "src/anything.txt",
        "tests/cases/a.toml",
        "tests/cases/ALLOW/a b.json",
        "tests/unreachable.toml",
        "tests/README.md",
        "tests/run.py",
        "tests/__pycache__/run.cpython-313.pyc",
        "tests/.gitkeep",
        "tests/cases/.a.toml.swp",
        "annotations.toml",
        "matrix.toml",
        ".gitignore",
        ".git/config",
        ".git/x.cedar",
        "gates/.G1.cedar.swp",
        "gates/.#G1.cedar",
        "target/CACHEDIR.TAG",
        "target/gates/G9.cedar",
        "LICENSE",
        "other.cedarschema",
        "guarantees/L2.cedar",
        "invariants/README.md",
        "world.json",
    ] {
        folder.write(name, "no policy");
    }
    folder.write("target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    folder.write("top.cedar", POLICY);
    folder.write("invariants/deep/I4.cedar", POLICY);
    let (policies, invariants) = folder.names();
    assert_eq!(policies, ["gates/G1.cedar", "top.cedar"]);
    assert_eq!(invariants, ["invariants/deep/I4.cedar"]);
}

#[test]
fn what_is_not_understood_is_named() {
    for (file, why) in [
        ("invariants/I4.cedar.txt", "it looks like a policy"),
        ("gates/G1.Cedar", "it looks like a policy"),
        ("gates/G1.cedar~", "it looks like a policy"),
        ("G1.cedar.json", "it looks like a policy"),
        ("gates/G1.cedar.md", "it looks like a policy"),
        ("gates/G1.txt", "it is no policy"),
        ("gates/G1", "it is no policy"),
        ("gates/expected.toml", "it is no policy"),
        ("notes.txt", "move it away"),
        ("gates/.G1.cedar", "starts with a dot"),
        (".fields.toml", "starts with a dot"),
        ("tests/cases/.alerts.toml", "starts with a dot"),
        ("tests/G1.cedar", "policies do not stand among cases"),
        ("tests/cases/deep/G1.cedar", "policies do not stand among cases"),
        ("tests/cases/G1.cedar.bak", "policies do not stand among cases"),
        ("tests/cases/ALLOW/G1.cedar", "policies do not stand among cases"),
        ("tests/p/schema.cedarschema", "a case ends in `.toml`"),
        ("tests/cases/alerts", "a case ends in `.toml`"),
        ("tests/cases/alerts.txt", "a case ends in `.toml`"),
        ("tests/cases/alerts.yaml", "a case ends in `.toml`"),
        ("tests/unreachable.tml", "call it `unreachable.toml`"),
        ("tests/unreachable.TOML", "call it `unreachable.toml`"),
        ("tests/Unreachable.toml", "call it `unreachable.toml`"),
        ("tests/cases/unreachable.toml", "stands in the folder of cases itself"),
        ("target/G1.cedar", "do not stand below `target`"),
        ("src/G1.cedar", "do not stand below `src`"),
        ("invariants", "is the name of a folder"),
        ("guarantees", "is the name of a folder"),
        ("Fields.toml", "call it `fields.toml`"),
        ("field.toml", "call it `fields.toml`"),
        ("Annotations.toml", "call it `annotations.toml`"),
        ("anotations.toml", "call it `annotations.toml`"),
        ("matrix.TOML", "call it `matrix.toml`"),
        ("Matrix.out", "call it `matrix.out`"),
        ("Proofs.lock", "call it `proofs.lock`"),
        ("rules.md", "call it `RULES.md`"),
    ] {
        let folder = Folder::new();
        folder.write(file, POLICY);
        folder.refused(file, why);
    }
    for (file, named, why) in [
        ("Invariants/I4.cedar", "Invariants", "call it `invariants`"),
        ("gates/invariants/I4.cedar", "gates/invariants", "stands directly in the folder"),
        ("school/tests/S1.cedar", "school/tests", "stands directly in the folder"),
        ("fields.toml/x.md", "fields.toml", "is the name of a file"),
        ("gates/G2.cedar/G2.cedar", "gates/G2.cedar", "is the name of a file"),
        (".gates/G1.cedar", ".gates", "starts with a dot"),
        ("gates/..more/G1.cedar", "gates/..more", "starts with a dot"),
        ("._gates/G1.cedar", "._gates", "starts with a dot"),
        ("tests/.cases/a.toml", "tests/.cases", "starts with a dot"),
        ("tests/cases/allow/a.json", "tests/cases/allow", "call the folder `ALLOW`"),
        ("annotations.toml/x.md", "annotations.toml", "is the name of a file"),
    ] {
        let folder = Folder::new();
        folder.write(file, POLICY);
        folder.refused(named, why);
    }
}

#[test]
fn what_is_no_text_is_named() {
    for (text, why) in [
        (&b"\xff\xfe@\0i\0"[..], "UTF-16"),
        (b"\xef\xbb\xbfpermit", "byte order mark (BOM)"),
        (b"permit \xff", "not UTF-8"),
        (&vec![b' '; (1 << 20) + 1], "more than the 1048576 bytes"),
    ] {
        for file in ["gates/G1.cedar", "schema.cedarschema", "fields.toml"] {
            let folder = Folder::new();
            folder.write(file, text);
            let error = Sources::read_folder(&folder.0, None).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains(why), "{error}");
        }
    }
}

#[test]
fn a_folder_without_a_schema_is_no_folder_of_policies() {
    let folder = Folder::new();
    fs::remove_file(folder.0.join("schema.cedarschema")).unwrap();
    for read in [Sources::read_folder(&folder.0, None), Sources::read_invariants(&folder.0, None)] {
        let error = read.unwrap_err().to_string();
        assert!(error.contains("no `schema.cedarschema`"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_named() {
    for name in [
        "gates/G2.cedar",
        "invariants",
        "guarantees",
        "tests",
        "tests/unreachable.toml",
        "tests/cases/a.toml",
        "school",
        "fields.toml",
        "README.md",
    ] {
        let folder = Folder::new();
        folder.write("tests/cases/b.toml", "");
        fs::remove_dir_all(folder.0.join(name)).unwrap_or_default();
        folder.link("../moved", name);
        folder.refused(name, "a link to `../moved`, which is not there");
        fs::remove_file(folder.0.join(name)).unwrap();
        // A link to itself can be opened by nobody, whoever runs the tests.
        folder.link(folder.0.join(name), name);
        folder.refused(name, "cannot read");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    for name in ["gates", "invariants", "tests", "tests/cases"] {
        let folder = Folder::new();
        folder.write(&format!("{name}/README.md"), "notes");
        let place = folder.0.join(name);
        fs::set_permissions(&place, fs::Permissions::from_mode(0o000)).unwrap();
        // Who is root may read it all the same.
        if fs::read_dir(&place).is_err() {
            folder.refused(name, "ermission denied");
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn links_to_folders_are_followed_once() {
    // As Kubernetes mounts a ConfigMap, and a projected volume with folders.
    let folder = Folder::new();
    folder.write("..2026_01_01/S1.cedar", POLICY);
    folder.write("..2026_01_01/school/S2.cedar", POLICY);
    folder.write("..2026_01_01/invariants/I4.cedar", POLICY);
    folder.link("..2026_01_01", "..data");
    for name in ["S1.cedar", "school", "invariants"] {
        folder.link(format!("..data/{name}"), name);
    }
    let (policies, invariants) = folder.names();
    assert_eq!(policies, ["S1.cedar", "gates/G1.cedar", "school/S2.cedar"]);
    assert_eq!(invariants, ["invariants/I4.cedar"]);
    // A link behind a dot to a folder of policies is no folder of policies.
    folder.link("../../elsewhere", "gates/.#G1.cedar");
    assert_eq!(folder.names().0.len(), 3);
    folder.link(folder.0.join("gates"), ".more");
    folder.refused(".more", "starts with a dot");
    fs::remove_file(folder.0.join(".more")).unwrap();
    // The folder itself may be a link.
    let link = folder.0.with_extension("link");
    std::os::unix::fs::symlink(&folder.0, &link).unwrap();
    let through = Sources::read_folder(&link, None);
    fs::remove_file(&link).unwrap();
    assert_eq!(through.unwrap().policies.len(), 3);
}

#[cfg(unix)]
#[test]
fn a_circle_of_links_ends() {
    for (target, name) in [(".", "again"), ("..", "gates/up")] {
        let folder = Folder::new();
        folder.link(target, name);
        let error = Sources::read_folder(&folder.0, None).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("a link back to a folder"), "{error}");
    }
    let folder = Folder::new();
    folder.write(&format!("{}G1.cedar", "a/".repeat(20)), POLICY);
    let error = Sources::read_folder(&folder.0, None).unwrap_err().to_string();
    assert!(error.contains("more than 16 folders deep"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    for name in ["gates/G2.cedar", "README.md", "fields.toml"] {
        let folder = Folder::new();
        let path = folder.0.join(name);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        folder.refused(name, "neither a file nor a folder");
        fs::remove_file(&path).unwrap();
        folder.link("/dev/zero", name);
        folder.refused(name, "neither a file nor a folder");
    }
}

#[test]
fn the_folder_and_a_list_of_names_agree() {
    for (name, part) in [
        ("a/b/c.cedar", Some(FilePart::Policy)),
        ("guarantees/L2.cedar", Some(FilePart::Guarantee)),
        ("schema.cedarschema", Some(FilePart::Schema)),
        ("fields.toml", Some(FilePart::Catalogue)),
        ("tests/school/x.toml", Some(FilePart::Case)),
        ("tests/DENY/school/x.json", Some(FilePart::Case)),
        ("tests/unreachable.toml", Some(FilePart::Unreachable)),
        ("annotations.toml", Some(FilePart::Annotations)),
        ("matrix.toml", Some(FilePart::Matrix)),
        ("proofs.lock", Some(FilePart::Proofs)),
        ("matrix.out", Some(FilePart::Page)),
        ("RULES.md", Some(FilePart::Page)),
        ("school/rules.md", None),
        (".git/a/x.cedar", None),
        ("target/a/x.cedar", None),
        ("src/tests/x.rs", None),
    ] {
        assert_eq!(FilePart::of(name), Ok(part), "{name}");
    }
    for name in [
        "x",
        "a/x",
        "a/invariants/x.cedar",
        "src/x.cedar",
        "",
        "tests",
        "tests/school/x.cedar",
        ".gates/x.cedar",
        "tests/.cases/x.toml",
    ] {
        assert!(FilePart::of(name).is_err(), "{name}");
    }
}

/// A folder of one's own behind the name of a file or a folder that is passed over.
#[test]
fn a_folder_is_not_passed_over_for_its_name_alone() {
    for (name, why) in [
        (".gitignore/G2.cedar", "starts with a dot"),
        (".mailmap/G2.cedar", "starts with a dot"),
        ("gates/.editorconfig/G2.cedar", "starts with a dot"),
        ("..data/G2.cedar", "no link `..data` leads to it"),
        ("..2026_01_01/G2.cedar", "no link `..data` leads to it"),
        ("gates/..2026_01_01/G2.cedar", "no link `..data` leads to it"),
    ] {
        let folder = Folder::new();
        folder.write(name, POLICY);
        folder.refused(name.rsplit_once('/').unwrap().0, why);
    }
    for mark in ["", "no signature"] {
        let folder = Folder::new();
        folder.write("target/CACHEDIR.TAG", mark);
        folder.write("target/G2.cedar", POLICY);
        folder.refused("target/G2.cedar", "policies do not stand below `target`");
    }
}
