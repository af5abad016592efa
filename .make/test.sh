#!/usr/bin/env bash
# Runs all tests of the workspace, the scenarios against an optimised gateway, those under load one by one, and
# prints how many there were. The tests start the databases that they need, and remove them.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() { echo "== $* ($(date -u +%H:%M:%S))"; }

# As for a release but for optimisation across crates, which takes longer than all of the rest. It checks its
# arithmetic and what it takes for granted, as an unoptimised one does.
step an optimised gateway
cargo build --profile quick --locked -p weir
WEIR_TEST_PROGRAM=$(realpath "${CARGO_TARGET_DIR:-target}/quick/weir")
export WEIR_TEST_PROGRAM

status=0
step tests
cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log" || status=$?
# Once more, for a minute, all of them at the same time.
step fuzz
WEIR_FUZZ_SECONDS=60 cargo test --workspace --lib --locked -- fuzz_ --nocapture --test-threads=16 2>&1 | tee -a "$log" || status=$?
# `--workspace` builds with the features of the tests above; `-p weir` would build half of them again.
# One at a time and with their figures, since they measure.
step load
cargo test --workspace --test load --locked -- --test-threads=1 --nocapture 2>&1 | tee -a "$log" || status=$?
# The same plugins in every language.
step conformance
cargo test --workspace --test conformance --locked -- --nocapture 2>&1 | tee -a "$log" || status=$?

awk '/^test result:/ {
        for (i = 1; i < NF; i++) {
            if ($(i + 1) ~ /^passed/) passed += $i
            if ($(i + 1) ~ /^failed/) failed += $i
            if ($(i + 1) ~ /^ignored/) ignored += $i
        }
    }
    END { printf "\n%d tests passed, %d failed, %d ignored\n", passed, failed, ignored }' "$log"
exit "$status"
