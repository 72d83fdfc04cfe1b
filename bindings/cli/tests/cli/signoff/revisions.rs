//! Versions that are read from git.

use super::*;

/// A file whose name nobody can write is not passed over, in a folder or in a revision of git.
#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf_8_is_an_error() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let bench = bench();
    let odd = bench.path("old/tests").join(OsStr::from_bytes(b"ca\xffses.toml"));
    std::fs::write(&odd, CASES).unwrap();
    bench
        .run(["ci", "--policies", "new", "--base", "old", "--mutants", "0"])
        .fails(1, "its name is not UTF-8");
    let git = |args: &[&str]| git(&bench, args);
    std::fs::copy(&odd, bench.path("new/tests").join(OsStr::from_bytes(b"ca\xffses.toml"))).unwrap();
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    std::fs::remove_file(bench.path("new/tests").join(OsStr::from_bytes(b"ca\xffses.toml"))).unwrap();
    bench
        .run(["ci", "--policies", "new", "--base", "HEAD", "--mutants", "0"])
        .fails(1, "its name is not UTF-8");
    // What a build leaves is not read, whatever it is called; below another folder it is.
    std::fs::remove_file(&odd).unwrap();
    for folder in ["old", "new"] {
        let mark = "Signature: 8a477f597d28d172789f06886806bc55\n";
        bench.write(&format!("{folder}/target/CACHEDIR.TAG"), mark);
        bench.write(&format!("{folder}/target/x.cedar.txt"), "");
    }
    let ran = bench.run(["ci", "--policies", "new", "--base", "old", "--mutants", "0"]);
    assert!(ran.out.contains("nothing besides policies is changed"), "{}{}", ran.out, ran.err);
}

/// Links are followed in a revision of git as in a folder, and do not lead out of it.
#[cfg(unix)]
#[test]
fn links_in_a_revision_are_followed_within_it() {
    use std::os::unix::fs::symlink;
    let bench = bench();
    let git = |args: &[&str]| git(&bench, args);
    let commit = |message: &str| {
        git(&["add", "-A"]);
        git(&["commit", "-q", "--allow-empty", "-m", message]);
    };
    git(&["init", "-q"]);
    // A forbid in a folder of its own, a policy behind two links, cases and invariants through links.
    bench.write("shared/gates/own.cedar", OWN.replace("@id(\"own\")", "@id(\"gates.own\")"));
    std::fs::remove_file(bench.path("new/own.cedar")).unwrap();
    std::fs::rename(bench.path("new/see.cedar"), bench.path("shared/see.cedar")).unwrap();
    for folder in ["invariants", "tests"] {
        std::fs::rename(bench.path(&format!("new/{folder}")), bench.path(&format!("shared/{folder}")))
            .unwrap();
        symlink(format!("../shared/{folder}"), bench.path(&format!("new/{folder}"))).unwrap();
    }
    symlink("../shared/gates", bench.path("new/gates")).unwrap();
    symlink("shared", bench.path("linked")).unwrap();
    symlink("./../linked//see.cedar", bench.path("new/see.cedar")).unwrap();
    commit("links");
    let since = |bench: &Bench| {
        let common = ["ci", "--policies", "new", "--quiet", "--fail-under", "0", "--mutants", "0"];
        bench.run(common.into_iter().chain(["--base", "HEAD"]))
    };
    let same = since(&bench);
    passes(&same);
    tells(&same, &["no decision changes for anybody", "nothing besides policies is changed"]);
    let hash = |when: &str| {
        let line = same.out.lines().find(|line| line.starts_with(&format!("- {when}:"))).unwrap();
        line.split("all files `sha256:").nth(1).unwrap()[..64].to_owned()
    };
    assert_eq!(hash("before"), hash("now"));
    // What stands behind a link is compared.
    std::fs::remove_file(bench.path("shared/invariants/edit.cedar")).unwrap();
    bench.write(
        "shared/gates/own.cedar",
        OWN.replace("@id(\"own\")", "@id(\"gates.own\")")
            .replace("when { context", "when { false && context"),
    );
    let ran = since(&bench);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(&ran, &["invariant `invariants.edit` is taken out", "`gates.own` | denies | rewritten"]);
    let ran = bench.run(["diff", "git:HEAD:new", "new", "--sample", "50"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(&ran, &["gates.own"]);
    git(&["checkout", "-q", "HEAD", "--", "."]);

    // What does not end in the revision is named.
    let outside = std::env::temp_dir().display().to_string();
    for (target, why) in [
        ("../../gates", "new/gates` of HEAD is a link to `../../gates`, which is not there in the revision"),
        (outside.as_str(), "which is not there in the revision: links are followed within"),
        ("../nowhere", "which is not there in the revision"),
        ("../new", "it is a link back to a folder that it stands in"),
        (".", "it is a link back to a folder that it stands in"),
        ("gates", "which is not there in the revision"),
    ] {
        std::fs::remove_file(bench.path("new/gates")).unwrap();
        symlink(target, bench.path("new/gates")).unwrap();
        commit(target);
        std::fs::remove_file(bench.path("new/gates")).unwrap();
        let ran = since(&bench);
        assert_eq!(ran.code, 1, "{target}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(why), "{target}: {}", ran.err);
        symlink("../shared/gates", bench.path("new/gates")).unwrap();
    }
    // What needs no reading may lead anywhere.
    commit("as before");
    symlink("nowhere", bench.path("new/README.md")).unwrap();
    commit("a page");
    std::fs::remove_file(bench.path("new/README.md")).unwrap();
    passes(&since(&bench));
}

/// A change that brings a folder of the revision's name is not compared with that folder.
#[test]
fn a_folder_is_not_taken_for_a_revision_of_its_name() {
    let bench = bench();
    git(&bench, &["init", "-q", "-b", "trunk"]);
    git(&bench, &["add", "."]);
    git(&bench, &["commit", "-q", "-m", "first"]);
    std::fs::remove_file(bench.path("new/invariants/edit.cedar")).unwrap();
    let since = |base: &str, verb: &str| {
        let more = if verb == "ci" { &["--quiet", "--fail-under", "0", "--mutants", "0"][..] } else { &[] };
        bench.run([verb, "--policies", "new", "--base", base].into_iter().chain(more.iter().copied()))
    };
    assert_eq!(since("trunk", "ci").code, 4);
    git(&bench, &["branch", "a/b"]);
    for name in ["trunk", "a/b", "refs/heads/trunk"] {
        std::fs::create_dir_all(bench.path(name)).unwrap();
        for file in [
            "schema.cedarschema",
            "see.cedar",
            "edit.cedar",
            "assign.cedar",
            "own.cedar",
            "size.cedar",
            "fields.toml",
        ] {
            std::fs::copy(bench.path(&format!("new/{file}")), bench.path(&format!("{name}/{file}"))).unwrap();
        }
        for verb in ["ci", "lint"] {
            since(name, verb).fails(1, "is a folder, and a revision of git");
        }
        assert_eq!(since(&format!("git:{name}"), "ci").code, 4);
        // The folder has no invariant either; its cases are gone.
        let ran = since(&format!("./{name}"), "ci");
        assert!(!ran.out.contains("is taken out"), "{}{}", ran.out, ran.err);
        std::fs::remove_dir_all(bench.path(name)).unwrap();
    }
    for itself in ["new", "./new", "new/../new"] {
        since(itself, "ci").fails(64, "is that of the policies itself");
    }
}

fn extra(when: &str) -> String {
    let text = SEE.replace("@id(\"see\")", "@id(\"extra\")");
    text.replace("principal.teams.contains(resource.team)", when)
}

/// What a folder is called, not what it leads to, is what it is compared with: a change can make any folder a link.
#[cfg(unix)]
#[test]
fn a_folder_that_becomes_a_link_is_compared_with_what_stood_there() {
    use std::os::unix::fs::symlink;
    let bench = bench();
    bench.write("new/extra.cedar", extra("principal.leads.contains(resource.team)"));
    std::fs::create_dir_all(bench.path("deep/er")).unwrap();
    for (from, to) in [("old", "deep/er/old"), ("new", "weak/er/old")] {
        std::fs::create_dir_all(bench.path(to).parent().unwrap()).unwrap();
        let copied = Command::new("cp").arg("-r").args([bench.path(from), bench.path(to)]).status().unwrap();
        assert!(copied.success());
    }
    git(&bench, &["init", "-q"]);
    git(&bench, &["add", "-A"]);
    git(&bench, &["commit", "-q", "-m", "first"]);
    let since = |folder: &str| {
        let common =
            ["ci", "--quiet", "--fail-under", "0", "--mutants", "0", "--base", "git:HEAD", "--policies"];
        bench.run(common.into_iter().chain([folder]))
    };
    let plain = since("old");
    passes(&plain);
    for (link, to, folder) in
        [("old", "new", "old"), ("deep", "weak", "deep/er/old"), ("deep/er", "../weak/er", "deep/er/old")]
    {
        let path = bench.path(link);
        match path.is_symlink() {
            true => std::fs::remove_file(&path).unwrap(),
            false => std::fs::remove_dir_all(&path).unwrap(),
        }
        symlink(to, &path).unwrap();
        let ran = since(folder);
        assert_eq!(ran.code, 4, "{link}: {}{}", ran.out, ran.err);
        tells(&ran, &["**Not announced:** view"]);
        let name = bench.path(folder).display().to_string();
        assert_eq!(since(&name).code, 4, "{name}");
        // By a link from elsewhere.
        let elsewhere = Bench::new();
        symlink(bench.path(folder), elsewhere.path("link")).unwrap();
        symlink("link", elsewhere.path("again")).unwrap();
        let name = elsewhere.path("again").display().to_string();
        assert_eq!(since(&name).code, 4, "{name}");
        // From within it, as a shell says where it is.
        let mut command = bench.command();
        command.args([
            "ci",
            "--quiet",
            "--fail-under",
            "0",
            "--mutants",
            "0",
            "--base",
            "git:HEAD",
            "--policies",
            ".",
        ]);
        let within = command.current_dir(bench.path(folder)).env("PWD", bench.path(folder)).output().unwrap();
        assert_eq!(within.status.code(), Some(4), "{link}: {}", String::from_utf8_lossy(&within.stderr));
        // What was announced before is read where it was, too.
        let ran = bench.run(["lint", "--policies", folder, "--base", "git:HEAD"]);
        assert_eq!(ran.code, 0, "{link}: {}{}", ran.out, ran.err);
        git(&bench, &["checkout", "-q", "HEAD", "--", "."]);
        git(&bench, &["reset", "-q", "--hard"]);
        git(&bench, &["clean", "-q", "-f", "-d"]);
    }
    // A link that was one before is what it led to before.
    symlink("new", bench.path("known")).unwrap();
    // Of which policies somebody sees is another matter here.
    bench.write("new/tests/cases.toml", CASES.replace("policies = [\"see\"]\n", ""));
    git(&bench, &["add", "-A"]);
    git(&bench, &["commit", "-q", "-m", "a link"]);
    passes(&since("known"));
    bench.write("new/extra.cedar", extra("principal.leads.contains(resource.team) || principal.active"));
    let ran = since("known");
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    tells(&ran, &["**Not announced:** view"]);
}

/// A folder that becomes a repository of its own has no version before that git tells.
#[test]
fn a_submodule_is_compared_with_no_revision() {
    let bench = bench();
    for folder in ["source", "."] {
        if folder == "source" {
            let copied =
                Command::new("cp").arg("-r").args([bench.path("new"), bench.path(folder)]).status().unwrap();
            assert!(copied.success());
        }
        let at = format!("{folder}/.");
        let path = bench.path(&at).display().to_string();
        git(&bench, &["-C", &path, "init", "-q"]);
        git(&bench, &["-C", &path, "add", if folder == "." { "old" } else { "." }]);
        git(&bench, &["-C", &path, "commit", "-q", "-m", "first"]);
    }
    std::fs::remove_dir_all(bench.path("new")).unwrap();
    git(&bench, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "./source", "new"]);
    for base in ["git:HEAD", "HEAD"] {
        bench
            .run(["ci", "--policies", "new", "--quiet", "--mutants", "0", "--base", base])
            .fails(1, "lies in a submodule");
        bench.run(["prove", "--policies", "new", "--not-more-than", base]).fails(1, "lies in a submodule");
    }
    passes(&ci(&bench, &[]));
}

/// A schema from elsewhere has no earlier text that is known.
#[test]
fn a_schema_from_elsewhere_is_compared_with_nothing() {
    let bench = bench();
    bench.write("elsewhere.cedarschema", SCHEMA);
    for verb in ["ci", "lint"] {
        bench
            .run([verb, "--policies", "new", "--schema", "elsewhere.cedarschema", "--base", "old"])
            .fails(64, "--schema names another");
    }
}

/// Whoever proposes a change may be able to add a tag, or a branch that is called as another repository's is.
#[test]
fn a_name_of_several_revisions_is_none() {
    let bench = bench();
    let git = |args: &[&str]| git(&bench, args);
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let first =
        Command::new("git").arg("-C").arg(bench.path(".")).args(["rev-parse", "--short", "HEAD"]).output();
    let first = String::from_utf8(first.unwrap().stdout).unwrap().trim().to_owned();
    std::fs::remove_file(bench.path("new/invariants/edit.cedar")).unwrap();
    git(&["checkout", "-q", "-b", "change"]);
    git(&["commit", "-q", "-am", "second"]);
    for (name, add) in [("main", "tag"), ("origin/main", "branch"), (first.as_str(), "branch")] {
        let base = format!("git:{name}");
        let ci = || {
            bench.run([
                "ci",
                "--policies",
                "new",
                "-q",
                "--mutants",
                "0",
                "--fail-under",
                "0",
                "--base",
                &base,
            ])
        };
        assert_eq!(ci().code, 4);
        git(&[add, name, "HEAD"]);
        ci().fails(1, "is the name of several revisions");
        bench.run(["diff", &base, "new"]).fails(1, "is the name of several revisions");
        bench
            .run(["lint", "--policies", "new", "--base", &base])
            .fails(1, "is the name of several revisions");
    }
    let whole = [
        "ci",
        "--policies",
        "new",
        "-q",
        "--mutants",
        "0",
        "--fail-under",
        "0",
        "--base",
        "git:refs/heads/main",
    ];
    assert_eq!(bench.run(whole).code, 4);
}
