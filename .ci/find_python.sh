#!/bin/sh
# Prints the path of a Python that the project can be installed on. basicsr 1.4.2 does not build on
# Python 3.13 and later, so that is 3.11 or 3.12: the interpreter given as an argument, one on the
# PATH, or one that uv fetches.
set -u

fits() {
  "$1" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
    >/dev/null 2>&1
}

say() {
  echo "$@" >&2
}

if [ -n "${1:-}" ]; then
  fits "$1" && echo "$1" && exit 0
  say "PYTHON=$1 is not a Python 3.11 or 3.12 with its venv module: give one, or leave PYTHON out."
  exit 1
fi

for python in python3.11 python3.12 python3 python; do
  fits "$python" && command -v "$python" && exit 0
done

say "No Python 3.11 or 3.12 on the PATH: fetching 3.11 with uv."
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
if command -v uv >/dev/null; then
  uv=uv
elif python3 -m venv "$tools" && "$tools/bin/python" -m pip install --quiet uv; then
  uv=$tools/bin/uv
else
  uv=false
fi >"$tools/log" 2>&1
if "$uv" python install 3.11 >>"$tools/log" 2>&1; then
  python=$("$uv" python find 3.11) && fits "$python" && echo "$python" && exit 0
fi

found=$(python3 --version 2>/dev/null || echo "no Python 3")
say "Deep Art needs Python 3.11 or 3.12. This machine has $found, and uv could not fetch another." \
  "Install python3.11 and its venv module with the system's packages, or run" \
  "\`make demo PYTHON=/path/to/python3.11\`."
exit 1
