#!/usr/bin/env bash
# Builds target/trained/weir: the release, laid out and inlined by what an instrumented build of it was seen to
# do under load (profile-guided optimisation). Two whole builds, and a minute of training between them.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
trained=$(realpath -m "${CARGO_TARGET_DIR:-target}")/trained
profiles=$trained/profiles

# Of the compiler's own LLVM: another one may not know the form of its profiles.
merger() {
    local of_toolchain major
    of_toolchain=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
    major=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
    if [ -x "$of_toolchain" ]; then echo "$of_toolchain"; else command -v "llvm-profdata-$major"; fi
}

# With a target, flags are for the program and not for what builds it.
build() { # build FOLDER FLAGS
    RUSTFLAGS=$2 CARGO_TARGET_DIR=$trained/$1 cargo build --release --locked -p weir --target "$host"
}

step() { echo "== $* ($(date -u +%H:%M:%S))"; }

merge=$(merger) || { echo "llvm-profdata of rustc's LLVM is missing: rustup component add llvm-tools" >&2; exit 1; }
rm -rf "$profiles"
step a build that counts
build counting "-Cprofile-generate=$profiles"
step training
PROGRAM=$trained/counting/$host/release/weir WEIR_CONFINEMENT=off .make/train.sh
"$merge" merge -o "$trained/weir.profdata" "$profiles"
step the release
build release "-Cprofile-use=$trained/weir.profdata"
install -D "$trained/release/$host/release/weir" "$trained/weir"
ls -l "$trained/weir"
