#!/usr/bin/env bash
# Starts a gateway that sends every path (or those below PREFIX) to 127.0.0.1:19000 as it is, runs the
# command that is given with `--gateway HOST:PORT --backend-port 19000` added, and ends the gateway.
# WEIR is the program, by default that of a release build; REPLACED_BY is a path that takes PREFIX's place.
#
#   .make/hostile.sh python3 run_h1.py --fails
#   PREFIX=/pub .make/hostile.sh python3 run_paths.py
#   PREFIX=/pub REPLACED_BY=/base .make/hostile.sh python3 run_paths.py --base /base
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
weir=${WEIR:-${CARGO_TARGET_DIR:-$root/target}/release/weir}
folder=$(mktemp -d)
WEIR_PREFIX=$folder WEIR_WORKERS=1 WEIR_PROXY_ACCESS_LOG=off WEIR_PROXY_LISTEN=127.0.0.1:8220 \
    WEIR_ADMIN_LISTEN=127.0.0.1:8221 WEIR_STATUS_LISTEN=127.0.0.1:8222 "$weir" start >"$folder/log" 2>&1 &
gateway=$!
trap 'kill -TERM $gateway 2>/dev/null || true; wait; rm -rf "$folder"' EXIT

ready() { curl -fs http://127.0.0.1:8222/status/ready >/dev/null; }
for _ in $(seq 600); do
    ready && break
    kill -0 $gateway 2>/dev/null || { tail -20 "$folder/log" >&2; exit 1; }
    sleep 0.1
done

put() { # put PATH JSON
    curl -fsS -X PUT "http://127.0.0.1:8221$1" -H 'content-type: application/json' -d "$2" >/dev/null
}
strip=$([ -n "${REPLACED_BY:-}" ] && echo true || echo false)
put /services/backend "{\"url\":\"http://127.0.0.1:19000${REPLACED_BY:-}\"}"
put /routes/all "{\"paths\":[\"${PREFIX:-/}\"],\"strip_path\":$strip,\"service\":{\"name\":\"backend\"}}"
for _ in $(seq 100); do
    # 502 until somebody listens on 19000, and no more 404: the route is live.
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:8220${PREFIX:-/}")" = 404 ] || break
    sleep 0.1
done
"$@" --gateway 127.0.0.1:8220 --backend-port 19000
