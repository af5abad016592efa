#!/usr/bin/env bash
# Starts two gateways for a comparison of CPU time per request: `bare` without plugins, and `four`
# with key-auth, rate-limiting, request-transformer and file-log, each with an edit. Both have one
# worker, pinned to core 0, and proxy to 127.0.0.1:9000. Prints NAME=PORT:PID of both, runs the
# command that is given with these as arguments after `--add`, and ends them. PROGRAM names another
# program than target/release/weir; MORE gives each a second listener with these flags, three ports further.
#
#   .make/peers.sh python3 peers.py nginx nginx+lua
set -euo pipefail
cd "$(dirname "$0")/.."
weir=${PROGRAM:-${CARGO_TARGET_DIR:-target}/release/weir}
folder=$(mktemp -d)
children=()
finish() { kill -TERM "${children[@]}" 2>/dev/null || true; wait; rm -rf "$folder"; }
trap finish EXIT

start() { # start NAME PROXY ADMIN STATUS
    mkdir -p "$folder/$1"
    WEIR_PREFIX=$folder/$1 WEIR_WORKERS=1 WEIR_PROXY_ACCESS_LOG=off WEIR_PROXY_LISTEN="127.0.0.1:$2${MORE:+, 127.0.0.1:$(($2 + 3)) $MORE}" \
        WEIR_ADMIN_LISTEN=127.0.0.1:$3 WEIR_STATUS_LISTEN=127.0.0.1:$4 \
        taskset -c 0 "$weir" start >"$folder/$1/log" 2>&1 &
    children+=($!)
    for _ in $(seq 300); do
        curl -fs "http://127.0.0.1:$4/status/ready" >/dev/null && break
        sleep 0.1
    done
    put "$3" /services/backend '{"url":"http://127.0.0.1:9000"}'
    put "$3" /routes/all '{"paths":["/"],"service":{"name":"backend"}}'
}

put() { # put ADMIN PATH JSON
    curl -fsS -X PUT "http://127.0.0.1:$1$2" -H 'content-type: application/json' -d "$3" >/dev/null
}

plugin() { # plugin NAME CONFIG
    curl -fsS "http://127.0.0.1:8211/routes/all/plugins" -H 'content-type: application/json' \
        -d "{\"name\":\"$1\",\"config\":$2}" >/dev/null
}

start bare 8200 8201 8202
export WEIR_PLUGIN_LOG_FOLDERS=$folder
start four 8210 8211 8212
put 8211 /consumers/bench '{}'
put 8211 /consumers/bench/key-auth/00000000-0000-4000-8000-0000000000aa '{"key":"secretkey123"}'
plugin key-auth '{"hide_credentials":true}'
plugin rate-limiting '{"hour":100000000,"policy":"local"}'
plugin request-transformer '{"add":{"headers":["x-added:1"]}}'
plugin file-log "{\"path\":\"$folder/requests.log\"}"
for _ in $(seq 100); do
    # 401 without a key shows that the plugins are live; 502 and 200 are both fine for the bare one.
    [ "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8210/)" = 401 ] && break
    sleep 0.1
done
targets=(--add "weir-bare=8200:${children[0]}" --add "weir-4=8210:${children[1]}")
echo "${targets[@]}"
[ $# = 0 ] || "$@" "${targets[@]}"
