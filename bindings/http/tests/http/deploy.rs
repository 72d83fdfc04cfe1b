//! The files of `examples/deploy`: what they tell the service it takes, and what they ask of it is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use caseward_http::{Service, Settings};
use serde_json::Value as Json;
use yaml_rust2::{Yaml, YamlLoader};

use crate::support::{folder, stored};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/deploy").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

fn yaml(name: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Checks settings of a node that others reach.
fn check(settings: &Settings) {
    assert!(settings.listen.ip().is_unspecified() && settings.listen.port() == 8180, "{settings:?}");
    assert!(!settings.development && settings.keys.is_some() && settings.db.is_some());
}

#[test]
fn settings_and_keys_are_taken_as_they_are() {
    let settings = Settings::read_file(&file("serve.toml"), []).unwrap();
    check(&settings);
    // The keys as the service reads them, over a store of the test's own.
    let (_, store) = stored("development = true");
    let text = format!("keys = {:?}", file("keys.example.toml").display().to_string());
    let service = Service::over_store(store, Settings::read(&text, []).unwrap()).unwrap();
    assert!(!service.is_open_to_nobody());
}

#[test]
fn compose_has_two_nodes_with_these_settings() {
    let all = yaml("compose.yml");
    let services = &all[0]["services"];
    let node = &all[0]["x-node"];
    for name in ["one", "two"] {
        assert_eq!(
            services[name]["ports"][0].as_str().map(|port| port.ends_with(":8180")),
            Some(true),
            "{name}"
        );
    }
    assert!(
        services["db"]["healthcheck"]["test"][1].as_str().is_some_and(|test| test.contains("pg_isready"))
    );
    for mounted in node["volumes"].as_vec().unwrap() {
        let (from, _) = mounted.as_str().unwrap().split_once(':').unwrap();
        // The keys are the reader's own, by the example.
        let from = from.replace("keys.toml", "keys.example.toml");
        assert!(file(&from).is_file(), "{from}");
    }
    let root = file("compose.yml").parent().unwrap().join(node["build"]["context"].as_str().unwrap());
    assert!(root.join(node["build"]["dockerfile"].as_str().unwrap()).is_file());
    assert_eq!(node["stop_grace_period"].as_str(), Some("40s"), "longer than the service takes to end");
}

#[test]
fn the_manifest_asks_routes_that_are_there() {
    let all = yaml("kubernetes.yml");
    let of =
        |kind: &str| all.iter().find(|one| one["kind"].as_str() == Some(kind)).unwrap_or(&Yaml::BadValue);
    check(&Settings::read(of("ConfigMap")["data"]["serve.toml"].as_str().unwrap(), []).unwrap());
    let pod = &of("Deployment")["spec"]["template"]["spec"];
    let node = &pod["containers"][0];
    let routes: Json = serde_json::from_str(&Service::openapi()).unwrap();
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let path = node[probe]["httpGet"]["path"].as_str().unwrap();
        assert!(routes["paths"].get(path).is_some(), "{probe}: {path}");
    }
    assert_eq!(node["ports"][0]["containerPort"].as_i64(), Some(8_180));
    let mounted: Vec<_> =
        node["volumeMounts"].as_vec().unwrap().iter().map(|one| one["name"].as_str()).collect();
    let volumes: Vec<_> = pod["volumes"].as_vec().unwrap().iter().map(|one| one["name"].as_str()).collect();
    assert_eq!(mounted, volumes);
    assert!(pod["terminationGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds > 30));
    let labels = &of("Deployment")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&of("Service")["spec"]["selector"], labels);
    assert_eq!(&of("PodDisruptionBudget")["spec"]["selector"]["matchLabels"], labels);
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let unit = text("caseward.service");
    assert!(unit.contains("caseward serve --config /etc/caseward/serve.toml"));
    let copy = folder().join("caseward.service");
    // The command is where the unit says on no machine that tests.
    std::fs::write(&copy, unit.replace("/usr/local/bin/caseward", "/bin/true")).unwrap();
    match Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output() {
        Err(_) => println!("SKIPPED: there is no systemd-analyze"),
        Ok(done) => {
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success() && !said.contains("caseward.service"), "{said}");
        }
    }
}

#[test]
fn the_image_is_built_by_the_oldest_rust_that_is_promised() {
    let (image, workspace) = (text("Containerfile"), include_str!("../../../../Cargo.toml"));
    let version =
        workspace.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(image.contains(&format!("rust:{version}-")), "{version}");
    let features = include_str!("../../../cli/Cargo.toml");
    assert!(image.contains("--features otel") && features.contains("\notel = [\"serve\""));
}
