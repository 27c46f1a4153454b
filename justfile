# `just check` runs everything that has to hold; the other recipes are its parts, and their longer versions.
# `bash .ci/run` installs what they need.

set ignore-comments
set shell := ["bash", "-euo", "pipefail", "-c"]

export PATH := env("CARGO_TARGET_DIR", justfile_directory() / "target") / "tools/bin:" + env("PATH")
target := env("CARGO_TARGET_DIR", "target")
version := `sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml`
musl := arch() + "-unknown-linux-musl"
static := "cargo build --locked --package enkash-auth-sidecar --target " + musl
oldest := `sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml`
# For what runs once: to optimise it less takes less time than it costs.
once := "CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16"
fuzz := "--locked --manifest-path fuzz/Cargo.toml --target-dir " + target
libraries := "enkash-auth-core enkash-auth-tower enkash-auth-axum enkash-auth-redis enkash-auth-sandbox enkash-auth-sidecar"
simulation := once + " cargo test --release -p enkash-auth-tower --all-features --test simulation"
models := "RUSTC_WORKSPACE_WRAPPER=$PWD/scripts/rustc-loom cargo test -p enkash-auth-tower --all-features --lib model::"

[private]
list:
    @just --list --unsorted

# Runs everything that has to hold; some 25 minutes, the first time
check: test test-long checks

# Runs the rest of it
checks: simulate model gate corpus lint words docs loom features alerts layers signatures deny package benches

# Runs the tests
test:
    cargo test --workspace --all-features

# Runs the tests that take long, or need other programs
test-long:
    {{ require("redis-server") }} --version
    {{ static }}
    # They mostly wait for processes and leases. Those that compute are run optimised: `model` and `simulate`.
    cargo test --workspace --all-features -- --ignored --test-threads 8 \
        --skip no_third_strike_and_progress --skip disabled_rule_is_caught --skip of_fleets --skip of_processes

# Builds the sidecar as it is shipped: one static file of at most 15 MiB
binary:
    {{ static }} --profile dist
    (($(stat --format=%s {{ target }}/{{ musl }}/dist/enkash-sidecar) <= 15 << 20))

# Builds its image
image builder="docker": binary
    mkdir -p {{ target }}/image/state
    cp {{ target }}/{{ musl }}/dist/enkash-sidecar {{ target }}/image
    {{ builder }} build --file deploy/Containerfile --tag enkash-sidecar:{{ version }} {{ target }}/image

# Explores the rules of attempts exhaustively
model:
    {{ once }} cargo test --release -p enkash-auth-core --test attempts_model -- --ignored

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
    cargo bench -p enkash-auth-benches --no-default-features --bench gate

# Simulates fleets, and processes of many accounts, each by its seed
simulate fleets="10000" processes="500":
    ENKASH_SEEDS={{ fleets }} {{ simulation }} fleets -- --ignored
    ENKASH_SEEDS={{ processes }} {{ simulation }} accounts -- --ignored

# Runs what synchronises in every order of its threads, under loom
loom:
    # Fails if there is none.
    {{ models }} -- --list | grep --count ': test$'
    {{ models }}

# Checks each library without features, with each of them alone and with all, with the oldest Rust that it names
features:
    cargo +{{ oldest }} hack check --locked --workspace --exclude enkash-auth-examples --exclude enkash-auth-benches \
        --each-feature

# Tests the alert rules
alerts:
    {{ require("promtool") }} test rules docs/alerts.test.yml

# Checks that the public API is what each `api.txt` lists, without types of foreign pre-1.0 crates, but for those allowed
signatures:
    scripts/signatures {{ libraries }}

# Renews each `api.txt`
api:
    scripts/signatures --renew {{ libraries }}

# Checks which crates and modules depend on which, and on how many crates
layers:
    scripts/layers

# Checks licences and sources of the dependencies; `just deny advisories` known vulnerabilities
deny *checks="licenses bans sources":
    cargo deny check --hide-inclusion-graph {{ checks }}

# Type-checks the published crates and their tests as packaged
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

# Kills the primary of sentinels so many times; all are served within 10 s; 200 take half an hour
failovers kills="200":
    KILLS={{ kills }} SERVED_WITHIN=10 cargo test -p enkash-auth-redis --all-features --test it killed_primary -- --ignored --nocapture

# Runs the long versions: five hours and more
full: binary (simulate "1000000" "100000") fuzz soak failovers (mutants "core") (mutants "tower") report
