//! Backups of a store from the command line, and what a kill or a full disk leaves.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::store::{TRUSTING, bench, does, kills, request};
use crate::support::Bench;

/// A store with a case and a file of a megabyte, whose bytes no compression makes fewer.
fn with_file() -> Bench {
    let bench = bench();
    let mut state = 7_u64;
    let drawn = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    let bytes: Vec<u8> = drawn.take(1 << 20).collect();
    bench.write("large.bin", bytes);
    let lines = [
        request("r1"),
        json!({"command": "submitRequest", "as": "lead", "on": "Request::\"r1\""}),
        json!({"command": "acceptRequest", "as": "flow", "on": "Request::\"r1\"", "id": "c1"}),
        json!({"command": "uploadFile", "as": "lead", "on": "Case::\"c1\"", "id": "f1",
            "data": {"file": {"path": "large.bin"}, "fileName": "large.pdf", "fileType": "application/pdf"}}),
    ];
    let ran = does(&bench, &lines);
    assert_eq!(ran.code, 0, "{}", ran.out);
    bench
}

#[test]
fn a_store_is_backed_up_and_restored() {
    let bench = with_file();
    let ran = bench.run(["store", "backup", "--db", "cases.db", "-o", "monday"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out
            .starts_with("A backup, checked: `monday`\nversion 5; entries of the log: 5; files: 1; made 20"),
        "{}",
        ran.out
    );
    bench.run(["store", "backup", "--db", "cases.db", "-o", "monday"]).fails(1, "`monday` is there already");
    bench.run(["store", "backup", "--db", "cases.db", "-o", "-"]).fails(1, "a backup is a folder");
    bench.run(["store", "backup", "--db", "none.db", "-o", "x"]).fails(1, "there is no store `none.db`");
    bench.run(["store", "restore", "monday", "--db", "cases.db"]).fails(1, "`cases.db` is there already");
    bench.run(["store", "restore", "small.json", "--db", "new.db"]).fails(1, "small.json");
    let ran = bench.run(["store", "restore", "monday", "--db", "new.db"]);
    assert!(
        ran.code == 0 && ran.out.starts_with("A store, restored: `new.db`\nversion 5;"),
        "{}{}",
        ran.out,
        ran.err
    );
    let (one, other) = (
        bench.run(["store", "export", "--db", "cases.db"]),
        bench.run(["store", "export", "--db", "new.db"]),
    );
    assert_eq!(one.out, other.out);
    assert_eq!(bench.run(["store", "doctor", "--db", "new.db"]).code, 0);
}

/// A backup under the shell's rules.
fn under(bench: &Bench, rules: &str, to: &str) -> std::process::Output {
    let command =
        format!("{rules}; exec {} store backup --db cases.db -o {to}", env!("CARGO_BIN_EXE_caseward"));
    Command::new("sh")
        .args(["-c", &command])
        .current_dir(bench.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// No file grows beyond a size, as on a disk that is full: nothing stays, and it is said. Where the system kills it there, what
/// stays has another name.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_no_backup() {
    let bench = with_file();
    // In blocks of 512 bytes: the file does not fit; nor does the database.
    for (blocks, what) in [("1500", "cannot write `"), ("100", "cannot copy `cases.db` into `")] {
        let ran = under(&bench, &format!("trap '' XFSZ; ulimit -f {blocks}"), "full");
        let err = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{err}");
        assert!(err.contains(what), "{err}");
        assert!(!bench.path("full").exists() && !bench.path("full.partial").exists(), "{:?}", bench.names());
        let ran = under(&bench, &format!("ulimit -f {blocks}"), "killed");
        assert_eq!(ran.status.code(), None, "the system kills it");
        assert!(!bench.path("killed").exists() && bench.path("killed.partial").exists());
    }
    // The next one writes over what was left.
    assert_eq!(bench.run(["store", "backup", "--db", "cases.db", "-o", "killed"]).code, 0);
    assert!(!bench.path("killed.partial").exists());
}

/// Killed at many moments, while a writer goes on: a folder under the name is a whole backup, or there is none.
#[cfg(unix)]
#[test]
fn a_kill_leaves_a_whole_backup_or_none() {
    let bench = with_file();
    let mut writer = bench
        .command()
        .args(["do", "--db", "cases.db"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = writer.stdin.take().unwrap();
    let (mut whole, mut none) = (0, 0);
    for number in 0..10_u64 {
        let text = json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": format!("{number}")}});
        std::io::Write::write_all(&mut input, format!("{text}\n").as_bytes()).unwrap();
        let name = format!("b{number}");
        let mut child = bench.command();
        child.args(["store", "backup", "--db", "cases.db", "-o", &name]).stdout(Stdio::null());
        let mut child = child.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(number * number * 4));
        // The last is left to come to its end.
        if number < 9 {
            child.kill().unwrap();
        }
        child.wait().unwrap();
        if !bench.path(&name).exists() {
            none += 1;
            continue;
        }
        whole += 1;
        let db = format!("{name}.db");
        let ran = bench.run(["store", "restore", &name, "--db", &db]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(bench.run(["audit", "verify", "--db", &db]).code, 0);
    }
    drop(input);
    assert!(writer.wait().unwrap().success());
    assert!(whole >= 1 && none >= 1, "{whole} whole, {none} none");
    let label: Value = serde_json::from_str(&bench.read("b9/backup.json")).unwrap();
    assert!(label["entries"].as_u64() >= Some(5), "{label}");
}

#[test]
fn a_store_is_encrypted_under_a_key() {
    let bench = Bench::new();
    bench.write("small.json", include_str!("../../../../core/store/tests/data/small.json"));
    let keygen = |file: &str| bench.run(["store", "keygen", "-o", file]);
    let made = keygen("a.key");
    assert!(made.code == 0 && made.out.len() == 17, "{}{}", made.out, made.err);
    keygen("a.key").fails(1, "a.key");
    keygen("-").fails(1, "a file of its own");
    assert_eq!(keygen("b.key").code, 0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(bench.path("a.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let with = |key: &'static str, args: &[&'static str]| {
        let more = ["--db", "cases.db", "--key-file", key].into_iter().chain(TRUSTING);
        bench.run(args.iter().copied().chain(more))
    };
    assert_eq!(bench.run(["store", "init", "--db", "cases.db", "--key-file", "a.key"]).code, 0);
    assert_eq!(with("a.key", &["store", "import", "--entities", "small.json"]).code, 0);
    bench.write("names.csv", "type,id,field,value\nStudent,aroha,name,Ngaio Brown\n");
    assert_eq!(with("a.key", &["feed", "content", "names.csv"]).code, 0);
    let lines = [
        request("r1"),
        json!({"command": "submitRequest", "as": "lead", "on": "Request::\"r1\""}),
        json!({"command": "acceptRequest", "as": "flow", "on": "Request::\"r1\"", "id": "c1"}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let does = ["do", "--db", "cases.db", "--key-file", "a.key"].into_iter().chain(TRUSTING);
    assert_eq!(bench.run_with(text, does).code, 0);
    let flow = ["--principal", "User::\"flow\"", "--resource", "Case::\"c1\""];
    let view = [&["view"], &flow[..]].concat();
    let seen = with("a.key", &view);
    assert!(seen.code == 0 && seen.out.contains("number: C0000001"), "{}{}", seen.out, seen.err);
    assert!(with("a.key", &["store", "doctor"]).out.contains("; 0 faults,"));
    let found = with("a.key", &["search", "--principal", "User::\"flow\"", "ngaio"]);
    assert_eq!((found.code, found.out.as_str()), (0, "c1\n"), "{}", found.err);
    // Without its key, with another, and with none where one is named.
    let name = made.out.trim();
    for verb in [&["store", "doctor"][..], &["store", "export"], &["audit", "verify"], &view] {
        let args = verb.iter().copied().chain(["--db", "cases.db"]);
        bench.run(args).fails(1, &format!("`cases.db` is encrypted: give its key, `{name}`"));
        with("b.key", verb).fails(1, &format!("`cases.db` is encrypted with the key `{name}`"));
    }
    with("none.key", &["store", "doctor"]).fails(1, "none.key");
    with("small.json", &["store", "doctor"]).fails(1, "`small.json`: it is no key of a store");
    let of_file = ["--entities", "world.json", "--key-file", "a.key"];
    bench.run(view.iter().copied().chain(of_file)).fails(64, "--key-file is for a store: name it with --db");
    // The environment names the key too, and an option wins.
    let in_environment = |args: &[&str]| {
        let ran = bench.command().args(args).env("CASEWARD_KEY_FILE", "a.key").output().unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    assert_eq!(in_environment(&["store", "tick", "--db", "cases.db"]).0, Some(0));
    let other = in_environment(&["store", "tick", "--db", "cases.db", "--key-file", "b.key"]);
    assert!(other.0 == Some(1) && other.1.contains("encrypted with the key"), "{}", other.1);
    // A backup, another key, and the way back.
    let backup = |to: &'static str, key: &'static str| {
        bench.run(["store", "backup", "--db", "cases.db", "-o", to, "--key-file", key])
    };
    assert_eq!(backup("monday", "a.key").code, 0);
    bench.run(["store", "backup", "--db", "cases.db", "-o", "none"]).fails(1, "give its key");
    let rekey = |from: &'static str, to: &'static str| {
        bench.run(["store", "rekey", "--db", "cases.db", "--key-file", from, "--new-key-file", to])
    };
    let ran = rekey("a.key", "b.key");
    assert!(ran.code == 0 && ran.out.contains(&format!("no longer under {name}")), "{}{}", ran.out, ran.err);
    rekey("a.key", "b.key").fails(1, "is encrypted with the key");
    bench.run(["store", "rekey", "--db", "cases.db", "--new-key-file", "b.key"]).fails(1, "--key-file");
    assert_eq!(with("b.key", &view).code, 0);
    with("a.key", &view).fails(1, "is encrypted with the key");
    assert_eq!(bench.run(["store", "restore", "monday", "--db", "again.db"]).code, 0);
    let again = ["store", "doctor", "--db", "again.db", "--key-file", "a.key"].into_iter().chain(TRUSTING);
    assert!(bench.run(again).out.contains("; 0 faults,"));
}

/// Killed at random moments while a store is made: there is a whole one under its name or none, and what is left of none is in
/// nobody's way.
#[cfg(unix)]
#[test]
fn a_name_of_a_store_outlives_a_kill() {
    let bench = Bench::new();
    bench.write("small.json", include_str!("../../../../core/store/tests/data/small.json"));
    let begun = Instant::now();
    assert_eq!(bench.run(["store", "init", "--db", "first.db"]).code, 0);
    let took = begun.elapsed();
    let (mut state, mut none, mut whole) = (11_u64, 0, 0);
    for number in 0..kills() {
        let (db, partial) = (format!("k{number}.db"), bench.path(&format!("k{number}.db.partial")));
        let mut init = bench.command();
        init.args(["store", "init", "--db", &db]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut init = init.spawn().unwrap();
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        match number % 5 {
            // Before it wrote anything, and when it has come to its end.
            0 => {}
            4 => drop(init.wait().unwrap()),
            // At some moment; and while it writes.
            2 => std::thread::sleep(took.mul_f64((state >> 40) as f64 / f64::from(1 << 24))),
            _ => {
                while !partial.exists() && init.try_wait().unwrap().is_none() {
                    std::thread::sleep(Duration::from_micros(200));
                }
                std::thread::sleep(Duration::from_micros((state >> 40) % 20_000));
            }
        }
        init.kill().unwrap();
        init.wait().unwrap();
        if bench.path(&db).exists() {
            whole += 1;
        } else {
            none += 1;
            bench.run(["store", "export", "--db", &db]).fails(1, "there is no store");
            let again = bench.run(["store", "init", "--db", &db]);
            assert_eq!(again.code, 0, "{}", again.err);
        }
        // It is a store like any other, and nothing else is left beside it.
        let import = ["store", "import", "--db", &db, "--entities", "small.json"];
        let import = bench.run(import.into_iter().chain(TRUSTING));
        assert_eq!(import.code, 0, "kill {number}: {}", import.err);
        let doctor = bench.run(["store", "doctor", "--db", &db].into_iter().chain(TRUSTING));
        assert!(doctor.code == 0 && doctor.out.contains("; 0 faults,"), "{}{}", doctor.out, doctor.err);
        let beside: Vec<String> = bench.names().into_iter().filter(|name| name.starts_with(&db)).collect();
        assert_eq!(beside, [db.clone(), format!("{db}-lock")]);
    }
    assert!(none >= 1 && whole >= 1, "{none} none, {whole} whole");
}

/// Somebody who may read the folder and not write to it: where the tests are root, nobody.
#[cfg(unix)]
#[test]
fn who_may_not_write_to_a_store_reads_it_alone() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    let bench = with_file();
    std::fs::remove_file(bench.path("cases.db-lock")).unwrap();
    let policies = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut text = std::fs::read_to_string(policies.join("school/S1.cedar")).unwrap();
    text = text.replace("S1", "X1");
    let copied = Command::new("cp").arg("-R").arg(&policies).arg(bench.path("policies")).status().unwrap();
    assert!(copied.success());
    bench.write("policies/school/X1.cedar", text);
    std::fs::create_dir(bench.path("out")).unwrap();
    let mode = |name: &str, mode| {
        std::fs::set_permissions(bench.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("out", 0o777);
    mode("", 0o555);
    let is_root = std::fs::metadata(bench.path("")).unwrap().uid() == 0;
    let run = |args: &[&str]| {
        let mut command = bench.command();
        command.args(args).stdin(Stdio::null());
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let ran = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (ran.status.code(), text(&ran.stdout), text(&ran.stderr))
    };
    let before = bench.names();
    let (code, out, err) = run(&["store", "doctor", "--db", "cases.db"]);
    assert!(code == Some(0) && out.contains("; 0 faults,"), "{out}{err}");
    let asks = ["--db", "cases.db", "--principal", "User::\"lead\"", "--resource", "Case::\"c1\""];
    let (code, _, err) = run(&[&["check", "--action", "viewSummary"], &asks[..]].concat());
    assert_eq!(code, Some(0), "{err}");
    // What would have to be audited is not shown.
    let (code, out, err) = run(&[&["view"], &asks[..]].concat());
    assert!(code == Some(1) && out.is_empty() && err.contains("nothing is written to it"), "{out}{err}");
    let activate = ["store", "activate", "--db", "cases.db", "--policies", "policies"];
    let (code, _, err) = run(&[&activate[..], &["--approved-by", "x", "--reason", "x"]].concat());
    assert!(code == Some(1) && err.contains("`cases.db` is read alone"), "{err}");
    let (code, _, err) = run(&["store", "backup", "--db", "cases.db", "-o", "here"]);
    assert!(code == Some(1) && err.contains("cannot make `here.partial`"), "{err}");
    let (code, _, err) = run(&["store", "backup", "--db", "cases.db", "-o", "out/there"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(bench.names(), before);
    mode("", 0o755);
}

/// SQLite takes some names for addresses, of another store or of one in memory. A name is a path and nothing more.
#[test]
fn a_name_that_looks_like_an_address_is_a_file() {
    let bench = bench();
    let before = bench.run(["store", "export", "--db", "cases.db"]);
    for name in ["file:cases.db", ":memory:", "file:other.db?mode=memory"] {
        let init = bench.run(["store", "init", "--db", name]);
        assert_eq!(init.code, 0, "{name}: {}", init.err);
        assert!(bench.path(name).is_file(), "{name} is a file of that name");
        let ran =
            bench.run_with(format!("{}\n", request("r1")), ["do", "--db", name].into_iter().chain(TRUSTING));
        assert_eq!((ran.code, ran.json_lines()[0]["outcome"].clone()), (2, "denied".into()), "{}", ran.out);
        let doctor = bench.run(["store", "doctor", "--db", name]);
        assert!(doctor.out.contains(" 1 entries of the log"), "{}", doctor.out);
        let backup = bench.run(["store", "backup", "--db", name, "-o", "kept"]);
        assert_eq!(backup.code, 0, "{name}: {}", backup.err);
        std::fs::remove_dir_all(bench.path("kept")).unwrap();
    }
    assert_eq!(bench.run(["store", "export", "--db", "cases.db"]).out, before.out);
}
