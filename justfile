# `just check` runs everything that has to hold; the other recipes are its parts, and their longer versions.
# `bash .ci/run` installs what they need.

set ignore-comments
set shell := ["bash", "-euo", "pipefail", "-c"]

export PATH := env("CARGO_TARGET_DIR", justfile_directory() / "target") / "tools/bin:" + env("PATH")
oldest := `sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml`
fuzz := "--locked --manifest-path fuzz/Cargo.toml --target-dir target/fuzz"
models := "RUSTC_WORKSPACE_WRAPPER=$PWD/scripts/rustc-loom cargo test -p enkash-auth-tower --all-features --lib model::"

[private]
list:
    @just --list --unsorted

# Runs everything that has to hold; some 25 minutes, the first time
check: test test-long checks

# Runs the rest of it
checks: model corpus lint words docs benches gate simulate loom features msrv alerts layers signatures deny package

# Runs the tests
test:
    cargo test --workspace --all-features

# Runs the tests that take long, or need redis-server or the Python issuer
test-long:
    {{ require("redis-server") }} --version
    # They mostly wait for processes and leases.
    cargo test --workspace --all-features -- --ignored --test-threads 8

# Explores the rules of attempts exhaustively
model:
    cargo test --release -p enkash-auth-core --test attempts_model -- --ignored

# Replays what fuzzing has found
corpus:
    cargo test {{ fuzz }}

# Runs rustfmt and clippy
lint:
    cargo fmt --all --check
    cargo fmt --manifest-path fuzz/Cargo.toml --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    cargo clippy --workspace --bench gate --bench instructions --all-features -- -D warnings
    cargo clippy {{ fuzz }} --all-targets -- -D warnings

# Checks the vocabulary of code and prose
words:
    scripts/words

# Builds the documentation
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps

# Runs each bench once, unmeasured
benches:
    cargo test --workspace --all-features --benches

# Compares the hot path's instructions and allocations with benches/limits.tsv
gate:
    {{ require("valgrind") }} --version
    cargo bench -p enkash-auth-benches --bench gate

# Simulates fleets, each by its seed
simulate fleets="10000":
    ENKASH_SEEDS={{ fleets }} cargo test --release -p enkash-auth-tower --all-features --test simulation -- --ignored

# Runs what synchronises in every order of its threads, under loom
loom:
    # Fails if there is none.
    {{ models }} -- --list | grep --count ': test$'
    {{ models }}

# Checks each library without features, and with each of them alone
features:
    cargo hack check --workspace --exclude enkash-auth-examples --exclude enkash-auth-benches --each-feature

# Checks what is published with the oldest Rust that its manifest names
msrv:
    cargo +{{ oldest }} check --locked --workspace --all-features \
        --exclude enkash-auth-examples --exclude enkash-auth-benches

# Tests the alert rules
alerts:
    {{ require("promtool") }} test rules docs/alerts.test.yml

# Checks that public signatures have no type of a foreign pre-1.0 crate, but for those that are allowed
signatures:
    scripts/signatures enkash-auth-core enkash-auth-tower enkash-auth-axum enkash-auth-redis

# Checks which crates depend on which, and on how many
layers:
    scripts/layers

# Checks licences and sources of the dependencies; `just deny advisories` known vulnerabilities
deny *checks="licenses bans sources":
    cargo deny check --hide-inclusion-graph {{ checks }}

# Compiles the tests of the published crates as packaged
package:
    scripts/package

# Fuzzes these targets, or all, each for so many seconds
fuzz seconds="600" *targets:
    scripts/fuzz {{ seconds }} {{ targets }}

# Changes core or tower in one place after the other, or in a share of them, and runs its tests
mutants crate share="0/1":
    # Not to be debugged.
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0 cargo mutants --package enkash-auth-{{ crate }} \
        --test-package enkash-auth-{{ crate }} --shuffle --output target --shard {{ share }} --sharding round-robin

# Repeats the test binaries, or those of one name, shuffled, with 1, 4 and 32 threads, on a busy machine
stress rounds="50" binary="":
    scripts/stress {{ rounds }} {{ binary }}

# Calls a faulty server for so many minutes
soak minutes="30":
    cargo run --release -p enkash-auth-benches --bin soak -- --minutes {{ minutes }}

# Measures all figures of BENCHMARKS.md
report:
    cargo run --release -p enkash-auth-benches --bin report

# Runs the long versions: four hours and more
full: (simulate "1000000") fuzz soak (mutants "core") (mutants "tower") report
