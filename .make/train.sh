#!/usr/bin/env bash
# Lets the program that PROGRAM names do what gateways do all day, so that the compiler sees what is worth
# its while: requests with and without plugins, with bodies, over HTTP/2, refused ones. For release.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-6}
PROGRAM=$(realpath "$PROGRAM")
export PROGRAM seconds

scripts=$(mktemp -d)
"$PROGRAM" demo-upstream --listen 127.0.0.1:9000 >/dev/null 2>&1 &
upstream=$!
finish() { kill -TERM "$upstream" 2>/dev/null || true; wait; rm -rf "$scripts"; }
trap finish EXIT
sleep 1
kill -0 "$upstream" || { echo "port 9000 is taken: the training needs it for its upstream" >&2; exit 1; }

cat >"$scripts/post.lua" <<'EOF'
wrk.method = "POST"
wrk.body = string.rep('{"name":"value","number":12345}', 64)
wrk.headers["Content-Type"] = "application/json"
EOF
cat >"$scripts/browser.lua" <<'EOF'
wrk.headers["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
wrk.headers["Accept-Encoding"] = "gzip, deflate, br"
wrk.headers["Accept-Language"] = "en-US,en;q=0.5"
wrk.headers["Cookie"] = "session=0123456789abcdef0123456789abcdef; theme=dark"
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
EOF
export scripts

# peers.sh starts a gateway without plugins on 8200 and one with four of them on 8210; 8203 and 8213 speak TLS.
train() {
    # Not inherited; what is not trained would only be slow, and nobody would know why.
    set -euo pipefail
    local key='apikey: secretkey123' port
    load() { wrk -t1 "$@" | sed -n 's/^Requests/&/p'; }
    for port in 8200 8210; do
        load -c32 -d"$seconds" -H "$key" "http://127.0.0.1:$port/"
        load -c32 -d"$seconds" -H "$key" -s "$scripts/browser.lua" "http://127.0.0.1:$port/some/path?and=a&query=b"
        load -c8 -d"$((seconds / 3))" -H "$key" -s "$scripts/post.lua" "http://127.0.0.1:$port/"
        load -c8 -d"$((seconds / 3))" "http://127.0.0.1:$port/"
        load -c8 -d"$((seconds / 3))" -H "$key" -H 'connection: close' "https://127.0.0.1:$((port + 3))/"
        h2load -t1 -c8 -m10 -D"$((seconds / 3))" -H "$key" "https://127.0.0.1:$((port + 3))/" |
            sed -n 's/^finished in/HTTP\/2:/p'
    done
}
export -f train
MORE="ssl http2" .make/peers.sh bash -c train
