#!/usr/bin/env bash
# Runs one of the Python scripts beside it with the packages that it needs: python.sh make_wheel.py …
# They are installed once, below ~/.cache/mailtrace.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=${XDG_CACHE_HOME:-$HOME/.cache}/mailtrace/python/packaging-1
if [ ! -e "$venv/made" ]; then
  rm -rf -- "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check wheel==0.48.0 cyclonedx-python-lib==11.12.0
  touch "$venv/made"
fi
exec "$venv/bin/python" "$here/$@"
