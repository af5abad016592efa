#!/usr/bin/env bash
# Runs all tests of the workspace, then the scenarios under load against an optimised gateway, and
# prints how many there were. The tests start the databases that they need, and remove them.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() { echo "== $* ($(date -u +%H:%M:%S))"; }

status=0
step tests
cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log" || status=$?

# As for a release but for optimisation across crates, which takes longer than all of the rest.
step an optimised gateway
cargo build --profile quick --locked -p weir
WEIR_TEST_PROGRAM=$(realpath "${CARGO_TARGET_DIR:-target}/quick/weir")
export WEIR_TEST_PROGRAM
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
