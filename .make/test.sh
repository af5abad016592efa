#!/usr/bin/env bash
# Runs all tests of the workspace and prints how many there were. The tests start the databases
# that they need, and remove them.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

status=0
cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log" || status=$?

awk '/^test result:/ {
        for (i = 1; i < NF; i++) {
            if ($(i + 1) ~ /^passed/) passed += $i
            if ($(i + 1) ~ /^failed/) failed += $i
            if ($(i + 1) ~ /^ignored/) ignored += $i
        }
    }
    END { printf "\n%d tests passed, %d failed, %d ignored\n", passed, failed, ignored }' "$log"
exit "$status"
