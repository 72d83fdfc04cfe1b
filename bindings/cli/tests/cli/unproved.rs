//! A command without the prover: it says how to get it, and lets nothing pass as proved. `make features` runs this.

use crate::support::Bench;

const HOW: &str = "`cargo install --path bindings/cli --features prove`";

#[test]
fn what_asks_for_the_prover_says_how_to_get_it() {
    let bench = Bench::new();
    bench.write("p/schema.cedarschema", "entity U; action a appliesTo { principal: U, resource: U };");
    bench.write("p/all.cedar", "@id(\"all\") @rule(\"A\")\npermit (principal, action, resource);\n");
    bench.write(
        "p/tests/cases.toml",
        "[world.U.ana]\n[[case]]\nname = \"all\"\nprincipal = \"U.ana\"\naction = \"a\"\nresource = \"U.ana\"\nexpect = \"allow\"\npolicies = [\"all\"]\n",
    );
    bench.run(["prove"]).fails(64, HOW);
    bench.run(["prove", "--policies", "p", "--only", "x", "--strict"]).fails(64, HOW);
    for verb in ["mutate", "coverage"] {
        bench.run([verb, "--policies", "p", "--save", "found.toml"]).fails(64, HOW);
    }
    assert!(!bench.path("found.toml").exists());
}
