#!/usr/bin/env bash
# Runs all tests of the workspace, then the scenarios under load against an optimised gateway, and
# prints how many there were. The tests start the databases that they need, and remove them.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

status=0
cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log" || status=$?

cargo build --release --locked -p weir
WEIR_TEST_PROGRAM=$(realpath "${CARGO_TARGET_DIR:-target}/release/weir")
export WEIR_TEST_PROGRAM
# One at a time and with their figures, since they measure.
cargo test -p weir --test load --locked -- --test-threads=1 --nocapture 2>&1 | tee -a "$log" || status=$?
# The same plugins in every language.
cargo test -p weir --test conformance --locked -- --nocapture 2>&1 | tee -a "$log" || status=$?

awk '/^test result:/ {
        for (i = 1; i < NF; i++) {
            if ($(i + 1) ~ /^passed/) passed += $i
            if ($(i + 1) ~ /^failed/) failed += $i
            if ($(i + 1) ~ /^ignored/) ignored += $i
        }
    }
    END { printf "\n%d tests passed, %d failed, %d ignored\n", passed, failed, ignored }' "$log"
exit "$status"
