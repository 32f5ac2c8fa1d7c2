#!/usr/bin/env bash
# The tests under every CPython from 3.11 to 3.14 on this machine, each in an environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

interpreter() { # the command for a version: on the PATH, else among pyenv's
  local version=$1 candidate
  for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
    if command -v "$candidate" >/dev/null && [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ]; then
      echo "$candidate"; return
    fi
  done
}

tried=0
for version in 3.11 3.12 3.13 3.14; do
  python=$(interpreter "$version")
  if [ -z "$python" ]; then echo "== Python $version: not on this machine"; continue; fi
  echo "== Python $version: $("$python" -V)"
  env=.venvs/$version
  if [ ! -f "$env/.ready" ] || [ pyproject.toml -nt "$env/.ready" ]; then
    "$python" -m venv "$env"
    "$env/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
    "$env/bin/python" -m pip install --quiet --editable '.[css,dkim,http,inbox,oauth2,proxy,speed]' --group dev
    touch "$env/.ready"
  fi
  "$env/bin/python" -m pytest -n "${PYTEST_WORKERS:-auto}" -q
  tried=$((tried + 1))
done
[ "$tried" -gt 0 ] || { echo "no CPython from 3.11 on was found" >&2; exit 1; }
