#!/usr/bin/env bash
# Makes everything that a release has, with its sums: all.sh OUT-DIRECTORY
# The Debian package is for the system that it is made on; wheel and archive are for any Linux.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(realpath "$1")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct)}
(cd "$here/.." && cargo build --locked --profile dist --bin mailtrace)
target=$(cd "$here/.." && realpath "${CARGO_TARGET_DIR:-target}")
"$here/deb.sh" "$target/dist/mailtrace" "$out"
"$here/static.sh" "$out"
"$here/python.sh" make_wheel.py "$target/x86_64-unknown-linux-gnu/dist/mailtrace" "$out"
"$here/python.sh" make_sbom.py "$out/mailtrace.cdx.json"
cd "$out"
rm -f SHA256SUMS
sha256sum -- * >SHA256SUMS.tmp
mv SHA256SUMS.tmp SHA256SUMS
