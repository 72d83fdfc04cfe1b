//! `caseward test --watch`, and the forms of files of TOML.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::support::Bench;

struct Watched {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watched {
    fn start(bench: &Bench) -> Self {
        let mut command = bench.command();
        command.args(["test", "--policies", "p", "--watch", "--quiet"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let errors = (Box::new(child.stderr.take().unwrap()) as Box<dyn std::io::Read + Send>, tell.clone());
        let out = (Box::new(child.stdout.take().unwrap()) as Box<dyn std::io::Read + Send>, tell);
        for (stream, tell) in [out, errors] {
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = tell.send(line);
                }
            });
        }
        Watched { child, lines }
    }

    #[track_caller]
    fn says(&self, part: &str) {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(60)) {
            if line.contains(part) {
                return;
            }
        }
        panic!("`{part}` was not said");
    }
}

const POLICY: &str = "@id(\"open\")\n@description(\"x\")\npermit (principal, action, resource)\n// open\nwhen { resource.open };\n";
const CASE: &str = "[world.User.a]\n[world.Case.c]\nopen = true\n[[case]]\nname = \"x\"\nprincipal = \"User.a\"\n\
                    action = \"view\"\nresource = \"Case.c\"\nexpect = \"allow\"\n";

#[test]
fn cases_are_run_again_after_each_change() {
    let bench = Bench::new();
    bench.write(
        "p/schema.cedarschema",
        "entity User; entity Case = { open: Bool };\naction view appliesTo { principal: User, resource: Case };\n",
    );
    bench.write("p/open.cedar", POLICY);
    bench.write("p/tests/x.toml", CASE);
    let watched = Watched::start(&bench);
    watched.says("1 case passed");
    bench.write("p/open.cedar", POLICY.replace("resource.open", "!resource.open"));
    watched.says("1 case failed");
    bench.write("p/open.cedar", "permit (");
    watched.says("the policies cannot be used");
    bench.write("p/open.cedar", POLICY);
    watched.says("1 case passed");
    bench.write("p/tests/y.toml", CASE);
    watched.says("2 cases passed");
    bench.run(["test", "--policies", "p", "--watch", "--accept"]).fails(64, "--accept");
}

/// `caseward schemas NAME --policies policies > examples/editor/schemas/NAME.json`
#[test]
fn the_forms_that_are_kept_are_those_of_our_policies() {
    let bench = Bench::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let policies = root.join("policies");
    let policies = policies.to_str().unwrap();
    for name in ["cases", "fields", "annotations", "matrix", "unreachable"] {
        let kept = root.join(format!("examples/editor/schemas/{name}.json"));
        bench.run(["schemas", name, "--policies", policies, "--check", kept.to_str().unwrap()]).ends(0);
    }
    let all = bench.run(["schemas", "--policies", policies]).json();
    assert_eq!(all.as_object().unwrap().len(), 5);
    bench.write("fields.json", "{}\n");
    bench
        .run(["schemas", "fields", "--policies", policies, "--check", "fields.json"])
        .fails(4, "fields.json");
    bench.run(["schemas", "nothing"]).fails(64, "nothing");
    // Those of other policies are others.
    bench.write(
        "p/schema.cedarschema",
        "entity User; action view appliesTo { principal: User, resource: User };\n",
    );
    let own = bench.run(["schemas", "fields", "--policies", "p"]).json();
    let types: Vec<&String> = own["properties"].as_object().unwrap().keys().collect();
    assert_eq!(types, ["User"]);
}
