#!/usr/bin/env bash
# Makes the packages of a built program and tries them: check.sh PROGRAM
# As root on Debian the package is installed and removed again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
made=$(mktemp -d)
trap 'rm -rf -- "$made"' EXIT
program=$made/mailtrace
# What a debugger reads would be most of every package.
strip -o "$program" "$1"
export DEB_COMPRESSION=gzip
sample=$here/../samples/filter-log-events.ndjson
id=20261123.1001@acme.example

answers() { "$@" trace "$id" --input "$sample" | grep -q 'Delivered to 2 of 3 recipients'; }
fail() {
  echo "$1" >&2
  exit 1
}

if command -v dpkg-deb >/dev/null && command -v dpkg-shlibdeps >/dev/null; then
  "$here/deb.sh" "$program" "$made"
  deb=$(echo "$made"/*.deb)
  dpkg-deb -c "$deb" >"$made/listing"
  for path in usr/bin/mailtrace usr/share/man/man1/mailtrace.1.gz usr/share/man/man1/mailtrace-trace.1.gz \
    usr/share/bash-completion/completions/mailtrace usr/lib/systemd/system/mailtrace-pull.service; do
    grep -q " root/root .* ./$path\$" "$made/listing" || fail "the package lacks $path"
  done
  dpkg-deb -x "$deb" "$made/tree"
  answers "$made/tree/usr/bin/mailtrace"
  grep -q '^ExecStart=/usr/bin/mailtrace ' "$made/tree/usr/lib/systemd/system/mailtrace-serve.service"
  if [ "$(id -u)" = 0 ] && ! dpkg -s mailtrace >/dev/null 2>&1; then
    dpkg -i "$deb"
    answers /usr/bin/mailtrace
    [ "$(stat -c '%U %a' /var/lib/mailtrace)" = 'mailtrace 700' ] || fail 'the store has no home'
    if command -v systemd-analyze >/dev/null; then
      systemd-analyze verify mailtrace-pull.service mailtrace-serve.service
    fi
    touch /var/lib/mailtrace/kept
    dpkg -P mailtrace
    [ ! -e /usr/bin/mailtrace ] || fail 'the program is still there'
    [ -e /var/lib/mailtrace/kept ] || fail 'a purge took the store'
    rm -rf /var/lib/mailtrace
  else
    echo 'the package was not installed: that takes root, and a system without mailtrace'
  fi
else
  echo 'no package for Debian was made: dpkg-deb or dpkg-shlibdeps is missing'
fi

"$here/python.sh" make_wheel.py "$program" "$made"
python3 -m venv "$made/venv"
"$made/venv/bin/pip" install --quiet --disable-pip-version-check --no-index "$made"/*.whl
answers "$made/venv/bin/mailtrace"

"$here/python.sh" make_sbom.py "$made/mailtrace.cdx.json"
python3 - "$made/mailtrace.cdx.json" <<'EOF'
import json, sys

bom = json.load(open(sys.argv[1]))
names = {it["name"] for it in bom["components"]}
assert bom["bomFormat"] == "CycloneDX" and bom["metadata"]["component"]["name"] == "mailtrace"
assert {"tantivy", "simd-json", "aws-sdk-cloudwatchlogs"} <= names, names
assert "proptest" not in names, "only tests use it"
assert all(it["hashes"] for it in bom["components"]), "a crate without its sum"
EOF
echo 'the packages work'
