#!/usr/bin/env bash
# Starts a gateway with a demo behind it: on SQLite in .weir/, with a small upstream. The demo is
# written by PUT, so that a second run finds it and changes nothing. Ctrl-C ends all of it.
set -euo pipefail
cd "$(dirname "$0")/.."

proxy=${PROXY_PORT:-8000} admin=${ADMIN_PORT:-8001} status=${STATUS_PORT:-8100} upstream=${UPSTREAM_PORT:-9000}
weir=${CARGO_TARGET_DIR:-target}/release/weir
folder=$PWD/.weir
children=()

finish() {
    trap - EXIT INT TERM
    [ "${#children[@]}" = 0 ] || kill -TERM "${children[@]}" 2>/dev/null || true
    wait
    echo
    echo "stopped"
    exit "${1:-0}"
}
trap 'finish 0' INT TERM
trap 'finish $?' EXIT

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

for port in "$proxy" "$admin" "$status" "$upstream"; do
    if ! port_is_free "$port"; then
        echo "Port $port is taken. Choose others with PROXY_PORT, ADMIN_PORT, STATUS_PORT and UPSTREAM_PORT." >&2
        exit 1
    fi
done

cargo build --release --locked -p weir
mkdir -p "$folder"

# A session of their own: Ctrl-C reaches this script alone, which then ends them in order.
setsid "$weir" demo-upstream --listen "127.0.0.1:$upstream" >"$folder/upstream.log" 2>&1 &
children+=($!)
WEIR_PREFIX=$folder WEIR_LOG_FORMAT=text WEIR_PROXY_LISTEN=127.0.0.1:$proxy WEIR_ADMIN_LISTEN=127.0.0.1:$admin \
    WEIR_STATUS_LISTEN=127.0.0.1:$status setsid "$weir" start >"$folder/weir.log" 2>&1 &
children+=($!)
gateway=$!

ready() { [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$status/status/ready")" = 200 ]; }

for _ in $(seq 300); do
    ready && break
    if ! kill -0 "$gateway" 2>/dev/null; then
        echo "The gateway ended:" >&2
        tail -20 "$folder/weir.log" >&2
        exit 1
    fi
    sleep 0.1
done
ready || { echo "The gateway is not ready after 30 s; its log is .weir/weir.log" >&2; exit 1; }

put() { # put PATH JSON
    local answer code
    answer=$(curl -s -w '\n%{http_code}' -X PUT "http://127.0.0.1:$admin$1" -H 'content-type: application/json' -d "$2")
    code=${answer##*$'\n'}
    if [ "$code" != 200 ] && [ "$code" != 201 ]; then
        echo "PUT $1 answered $code: ${answer%$'\n'*}" >&2
        exit 1
    fi
}

route=0d3e0000-0000-4000-8000-000000000001
on_route() { # on_route NUMBER NAME CONFIG
    put "/plugins/0d3e0000-0000-4000-8000-00000000010$1" \
        "{\"name\":\"$2\",\"route\":{\"id\":\"$route\"},\"config\":$3}"
}

put /services/demo "{\"url\":\"http://127.0.0.1:$upstream\"}"
put /routes/$route '{"name":"demo","service":{"name":"demo"},"paths":["/demo"]}'
put /consumers/demo-user '{"custom_id":"demo-1"}'
put /consumers/demo-user/key-auth/0d3e0000-0000-4000-8000-000000000002 '{"key":"demo-key"}'
on_route 1 key-auth '{"key_names":["apikey"],"hide_credentials":true}'
on_route 2 rate-limiting '{"minute":60,"policy":"local"}'
on_route 3 request-transformer '{"add":{"headers":["x-from:weir"]}}'
on_route 4 file-log "{\"path\":\"$folder/demo.log\"}"

component=.weir/header-edit.wasm
"$weir" plugin build example-plugins/rust/header-edit --out "$component" >/dev/null

cat <<TEXT

Weir serves the demo on http://127.0.0.1:$proxy/demo. Try, in another terminal:

  curl -i http://127.0.0.1:$proxy/demo                              # 401: a key is asked for
  curl -i http://127.0.0.1:$proxy/demo/hello -H 'apikey: demo-key'  # 200, with the limit's headers
  tail -1 .weir/demo.log                                      # what file-log wrote
  tail -1 .weir/logs/access.log                               # the access log
  curl -s http://127.0.0.1:$status/metrics | grep requests_total

Upload a plugin while it runs, put it on the route, and see its header within a second:

  curl -s http://127.0.0.1:$admin/custom-plugins -H 'content-type: application/wasm' --data-binary @$component
  curl -s http://127.0.0.1:$admin/routes/demo/plugins -d name=header-edit -d config.name=x-demo -d config.value=hot
  sleep 1; curl -si http://127.0.0.1:$proxy/demo -H 'apikey: demo-key' | grep -i x-demo

Its log is .weir/weir.log. Ctrl-C ends it.
TEXT

# Ends when the gateway ends, by itself or by a signal.
wait "$gateway" || true
echo "The gateway ended; the last lines of .weir/weir.log:" >&2
tail -5 "$folder/weir.log" >&2
exit 1
