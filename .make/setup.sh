#!/usr/bin/env bash
# Installs what is missing, and nothing when nothing is: `setup.sh build` for building and running,
# `setup.sh release` for a release that is trained, `setup.sh all` for the tests. Debian packages need root or sudo.
set -euo pipefail

what=${1:-all}
packages=()

have() { command -v "$1" >/dev/null 2>&1; }

want() { # want PROGRAM PACKAGE
    have "$1" || packages+=("$2")
}

has_wasm_target() {
    local libraries
    libraries=$(rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null) || return 1
    compgen -G "$libraries/libstd-*.rlib" >/dev/null
}

has_debian_wasm() {
    [ -x /usr/bin/rustc ] && [ -e /usr/lib/rustlib/src/rust/library/std/Cargo.toml ]
}

has_postgres() {
    have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

install() {
    local run=()
    if [ "$(id -u)" != 0 ]; then
        if ! have sudo; then
            echo "These Debian packages are missing; install them as root: $*" >&2
            exit 1
        fi
        run=(sudo)
    fi
    echo "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    "${run[@]}" apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 && return
    # The package lists may be old, or missing as in a fresh container.
    "${run[@]}" apt-get update -q >/dev/null
    "${run[@]}" apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

if ! have cargo; then
    echo "Rust is missing: see https://rustup.rs (1.95 or later)" >&2
    exit 1
fi

# Debian's is too old for plugins.
if [ "$what" = all ] && ! have go; then
    echo "Go is missing, in which some of the tests' plugins are written: see https://go.dev/dl (1.24 or later)" >&2
    exit 1
fi

# gcc alone brings no headers of the C library.
have cc || packages+=(gcc libc6-dev)
want c++ g++
want cmake cmake
want make make
want curl curl
# The shell has a kill of its own; the tests need the program.
if [ "$what" = all ] && ! { [ -x /usr/bin/kill ] || [ -x /bin/kill ]; }; then
    packages+=(procps)
fi
# Plugins in JavaScript and Python are built in the tests.
if [ "$what" = all ]; then
    have node && have npm || packages+=(nodejs npm)
    have python3 && python3 -m pip --version >/dev/null 2>&1 || packages+=(python3 python3-pip)
    # Schemathesis gets an environment of its own.
    have python3 && python3 -c 'import ensurepip' >/dev/null 2>&1 || packages+=(python3-venv)
fi
# Clients and servers of other implementations, in a folder of their own.
if [ "$what" = all ] && ! python3 -c 'import ensurepip' >/dev/null 2>&1; then
    packages+=(python3-venv)
fi
if [ "$what" = all ] && ! has_postgres; then
    packages+=(postgresql)
fi

if [ "$what" = all ]; then
    want redis-server redis-server
fi

# A release is trained under load, and the compiler is told what was seen.
if [ "$what" = release ]; then
    want wrk wrk
    want h2load nghttp2-client
    llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
    if ! compgen -G "$(rustc --print sysroot)/lib/rustlib/*/bin/llvm-profdata" >/dev/null && ! have "llvm-profdata-$llvm"; then
        have rustup && timeout 60 rustup component add llvm-tools >/dev/null 2>&1 || packages+=("llvm-$llvm")
    fi
fi

# Plugins are compiled to WebAssembly: by the user's toolchain, or else by Debian's.
if ! has_wasm_target && ! has_debian_wasm; then
    if ! { have rustup && timeout 60 rustup target add wasm32-unknown-unknown >/dev/null 2>&1 && has_wasm_target; }; then
        packages+=(rustc-web rust-web-src)
    fi
fi

if [ "${#packages[@]}" -gt 0 ]; then
    install "${packages[@]}"
fi

# The conformance suite of HTTP/2, against which the proxy's listeners are tested.
if [ "$what" = all ] && ! have h2spec && [ ! -x "$(go env GOPATH)/bin/h2spec" ]; then
    echo "installing h2spec"
    go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
fi

# Kong's command line tool, against which the Admin API is tested. Built from a copy of its module, whose
# replacements count only there; `go install` would ask for a list of versions that not every proxy has.
deck_version=v1.55.0
deck=$(go env GOPATH 2>/dev/null)/bin/deck
if [ "$what" = all ] && ! "$deck" version 2>/dev/null | grep -q "$deck_version"; then
    echo "building decK $deck_version"
    sources=$(mktemp -d)
    mkdir -p "$(dirname "$deck")"
    module=$(cd "$sources" && go mod download -json "github.com/kong/deck@$deck_version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    cp -r "$module/." "$sources"
    chmod -R u+w "$sources"
    (cd "$sources" && go build -ldflags "-s -w -X github.com/kong/deck/cmd.VERSION=$deck_version" -o "$deck" .)
    rm -rf "$sources"
fi
