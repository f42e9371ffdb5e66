#!/usr/bin/env bash
# Builds a program for any x86-64 Linux, which needs no library: static.sh OUT-DIRECTORY
# It asks the names of hosts by itself only where /etc/nsswitch.conf says `files` and `dns`.
set -euo pipefail
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$0")/.."
umask 022
target=x86_64-unknown-linux-gnu
# A static program finds no `getrandom` at run time: linked, it needs no /dev/urandom either.
flags='-C target-feature=+crt-static --cfg getrandom_backend="linux_getrandom"'
RUSTFLAGS=$flags cargo build --locked --profile dist --target "$target" --bin mailtrace
program=${CARGO_TARGET_DIR:-target}/$target/dist/mailtrace
# Of a program without a loader it fails, and says so.
case $(ldd "$program" 2>&1 || true) in
  *'statically linked'* | *'not a dynamic executable'*) ;;
  *)
    echo "$program is not static" >&2
    exit 1
    ;;
esac
tree=$(mktemp -d)
trap 'rm -rf -- "$tree"' EXIT
# It is tried where there is nothing else: no library, no device, no time zones.
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$tree/empty/tmp"
  cp "$program" samples/filter-log-events.ndjson "$tree/empty/"
  inside() { chroot "$tree/empty" /mailtrace --store /store --tz Europe/Madrid "$@"; }
  inside import /filter-log-events.ndjson >/dev/null
  inside trace 20261123.1001@acme.example | grep -q 'Delivered to 2 of 3 recipients'
  inside verify --deep | grep -q '^OK: 16 records'
  rm -rf -- "$tree/empty"
else
  echo 'the program was not tried in an empty directory: that takes root' >&2
fi
version=$("$program" --version | cut -d' ' -f2)
name=mailtrace-$version-$target
mkdir -p "$tree/$name/man" "$tree/$name/completions"
install -m 0755 "$program" README.md LICENSE CHANGELOG.md "$tree/$name/"
chmod 0644 "$tree/$name"/{README.md,LICENSE,CHANGELOG.md}
cp -r docs packaging/systemd "$tree/$name/"
"$program" man --out "$tree/$name/man"
for shell in bash zsh fish; do "$program" completions "$shell" >"$tree/$name/completions/mailtrace.$shell"; done
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
tar -C "$tree" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" --mode=u=rwX,go=rX -cJf "$out/$name.tar.xz" "$name"
echo "$out/$name.tar.xz"
