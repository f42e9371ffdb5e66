#!/usr/bin/env bash
# Makes a Debian package of a built program: deb.sh PROGRAM OUT-DIRECTORY
# It holds the program, its manual pages and completions, and two systemd units, none of which is
# switched on. The same program and sources give the same bytes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
tree=$(mktemp -d)
trap 'rm -rf -- "$tree"' EXIT
umask 022

version=$("$program" --version | cut -d' ' -f2)
arch=$(dpkg --print-architecture)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct)}

put() { install -D -m "$1" "$2" "$tree/package/$3"; }
put 0755 "$program" usr/bin/mailtrace
strip --strip-unneeded "$tree/package/usr/bin/mailtrace"
"$program" man --out "$tree/man"
for page in "$tree"/man/*.1; do
  gzip -9n "$page"
  put 0644 "$page.gz" "usr/share/man/man1/$(basename "$page").gz"
done
for shell in bash zsh fish; do "$program" completions "$shell" >"$tree/$shell"; done
put 0644 "$tree/bash" usr/share/bash-completion/completions/mailtrace
put 0644 "$tree/zsh" usr/share/zsh/vendor-completions/_mailtrace
put 0644 "$tree/fish" usr/share/fish/vendor_completions.d/mailtrace.fish
for unit in "$here"/systemd/*.service; do
  sed 's#/usr/local/bin/#/usr/bin/#' "$unit" >"$tree/unit"
  put 0644 "$tree/unit" "usr/lib/systemd/system/$(basename "$unit")"
done
doc=usr/share/doc/mailtrace
put 0644 "$here/../README.md" "$doc/README.md"
for page in "$here"/../docs/*.md; do put 0644 "$page" "$doc/docs/$(basename "$page")"; done
gzip -9nc "$here/../CHANGELOG.md" >"$tree/changelog.gz"
put 0644 "$tree/changelog.gz" "$doc/changelog.gz"
put 0644 "$here/../LICENSE" "$doc/copyright"

# What the program needs of the system's libraries, from the linker's own record.
mkdir "$tree/debian"
echo 'Source: mailtrace' >"$tree/debian/control"
depends=$(cd "$tree" && dpkg-shlibdeps -O -e package/usr/bin/mailtrace | sed -n 's/^shlibs:Depends=//p')
mkdir "$tree/package/DEBIAN"
cat >"$tree/package/DEBIAN/control" <<EOF
Package: mailtrace
Version: $version
Architecture: $arch
Maintainer: The mailtrace developers <mailtrace@localhost>
Installed-Size: $(du -sk "$tree/package/usr" | cut -f1)
Depends: ${depends:+$depends, }passwd
Section: mail
Priority: optional
Description: archive Amazon WorkMail's email event logs and trace messages
 mailtrace pulls WorkMail's email events out of CloudWatch Logs, or imports
 them from files, keeps the originals for good, and answers what happened to
 a message: who received it, which rule moved it, why it bounced, what was lost.
EOF
install -m 0755 "$here"/debian/{postinst,prerm,postrm} "$tree/package/DEBIAN/"
find "$tree/package" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Z"${DEB_COMPRESSION:-xz}" --build "$tree/package" "$out/mailtrace_${version}_$arch.deb"
