# The two commands of the README, and what they are made of. Each does all of its own set-up.
.PHONY: demo test lint bench laws clean

# Makes a small world and tells what people in different roles may see and do in it, and why.
demo:
	cargo run --quiet --locked -p caseward-cli -- demo

# Everything: lints, tests of every crate, the documentation's code. Says how long each part took.
test:
	@.ci/parts

lint:
	@.ci/parts lint

# Same-run comparisons with what else answers the same questions; writes benches/report.json. Takes minutes.
bench:
	cd benches && cargo run --release --locked -- $(or $(CASES),10000 100000)

# The laws again, on ten times as many worlds that a seed draws: `make laws SEED=7`.
laws:
	CASEWARD_CASES=10 CASEWARD_SEED=$(or $(SEED),2) cargo test --locked -p caseward --all-features --test suite

clean:
	cargo clean
