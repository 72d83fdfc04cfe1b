# `make help` lists what can be made. Each does all of its own set-up.
.DEFAULT_GOAL := help
.PHONY: help demo workbench quick test lint features msrv deny packages bench bench-node bench-python load soak laws laws-sql seen plans stories \
	faults fuzz fuzz-seeds clean

# Lists what can be made.
help:
	@awk '/^#/ { said = said substr($$0, 2); next } \
		/^[a-z][a-z-]*:/ { sub(/[.;:](  *.*)?$$/, "", said); printf "make %-13s%s\n", substr($$1, 1, length($$1) - 1), said } \
		{ said = "" }' Makefile

# Makes a small world and tells what people in different roles may see and do in it, and why. Built without the prover,
# which the demo does not need.
demo:
	cargo run --locked --config .cargo/demo.toml --bin caseward --no-default-features -- demo

# Builds the workbench, a page that looks as any person and asks why, and serves it on this machine: see
# examples/workbench. `KIND=dist` builds the small module that is published, in some minutes.
workbench:
	cd bindings/wasm && ./build $(or $(KIND),test)
	cd examples/workbench && npm ci --silent --no-audit --no-fund --ignore-scripts && npm run --silent build && npm run --silent serve

# Everything: lints, tests of every crate, the documentation's code. Says how long each part took.
test:
	@.ci/parts

# What is worth a minute after each edit: layout, lints, units of the crates, and the policies' own cases.
quick:
	@.ci/parts quick

# Layout and lints of everything: the workspace, Python, JavaScript, benches, fuzz targets. `wasm` lints its own Rust.
lint:
	@.ci/parts lint apart

# Checks every feature of every crate alone, and none.
features:
	@.ci/parts features

# Checks the workspace with the oldest Rust that is promised; rustup fetches it.
msrv:
	@.ci/parts msrv

# Licences, sources and advisories of all that is depended on. Asks for `cargo install --locked cargo-deny`.
deny:
	@.ci/parts deny

# Builds and uses what is packaged: the crates' archives, the sdist, the npm package. Takes minutes.
packages:
	@.ci/parts packages

# Same-run comparisons with what else answers the same questions; writes benches/report.json. Takes minutes.
bench:
	cd benches && cargo run --release --locked -- $(or $(CASES),10000 100000)
	$(MAKE) bench-node
	$(MAKE) bench-python

# The npm package beside Cedar's own, in the same report.
bench-node:
	cd bindings/wasm && npm ci --silent --no-audit --no-fund && ./build dist
	node benches/node/bench.mjs benches/report.json

# The wheel as it is shipped, beside cedarpy, in the same report.
bench-python:
	@.ci/bench-python $(or $(CASES),10000 100000)

# The service over loopback: requests a second and how long they take, beside an empty handler, with changes beside, and whether
# times tell denied from absent. Takes minutes.
load:
	cargo test --release --locked -p caseward-http --test load -- bench $(or $(CASES),10000) $(or $(SECONDS_EACH),5)

# The service under a load of everything for an hour, or SECONDS: its memory stays as it is.
soak:
	cargo test --release --locked -p caseward-http --test load -- soak $(or $(SECONDS),3600)

# The laws again on ten times as many worlds that a seed draws: `make laws SEED=7`.
laws:
	CASEWARD_CASES=10 CASEWARD_SEED=$(or $(SEED),2) cargo test --locked -p caseward --all-features --test suite

# The laws of filters again, on every database there is, with ten times as many policies: `make laws-sql SEED=7`.
laws-sql:
	CASEWARD_CASES=10 CASEWARD_SEED=$(or $(SEED),2) .ci/parts sql

# Which share of the mutants that a solver tells apart `caseward diff` sees by itself, of all or of MUTANTS; takes an
# hour or so for all. `make test` draws 60.
seen:
	CASEWARD_MUTANTS=$(or $(MUTANTS),0) cargo test --locked --workspace --all-features --bin caseward share -- --nocapture

# How SQLite and PostgreSQL run filters over a million cases, or CASES: by index, or it fails. Takes minutes and
# some gigabytes.
plans:
	CASEWARD_PLAN_CASES=$(or $(CASES),1000000) cargo test --workspace --all-features --locked --test plans -- \
		--ignored --nocapture --test-threads 1

# Tells STORIES stories, 200 unless told, to the case store and to the model of its contract: they agree after every step.
# `make test` tells 8.
stories:
	CASEWARD_STORIES=$(or $(STORIES),200) CASEWARD_SEED=$(or $(SEED),1000) \
		cargo test --locked --workspace --all-features --test store_model

# Kills the command in mid-write KILLS times, 200 unless told: whatever it answered is kept, whole and once. `make test`
# kills it 5 times.
faults:
	CASEWARD_KILLS=$(or $(KILLS),200) cargo test --locked --workspace --all-features --test cli outlives

# Fuzzes each target for SECONDS, 60 unless told, after what is in fuzz/seeds and what earlier runs found; fails with
# the first input that does. Asks for `cargo install cargo-fuzz`. See fuzz/README.md.
fuzz:
	@for target in $(or $(TARGETS),$(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))); do \
		echo "── $$target"; \
		mkdir -p fuzz/corpus/$$target; \
		cargo fuzz run --sanitizer $(or $(SANITIZER),none) $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
			-max_total_time=$(or $(SECONDS),60) -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 || exit 1; \
	done

# Writes fuzz/seeds anew.
fuzz-seeds:
	cargo test --locked -p caseward --all-features --test suite fuzz::write_the_seeds -- --ignored

# Removes what was built.
clean:
	cargo clean
