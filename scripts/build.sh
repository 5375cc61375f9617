#!/usr/bin/env bash
# Builds `minireipaz`. A first build compiles some 370 crates: minutes, once.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo >/dev/null || {
  echo "error: cargo is not installed. Install Rust with rustup (https://rustup.rs); rust-toolchain.toml pins the version." >&2
  exit 1
}
if [ ! -d target/debug/deps ]; then
  echo "First build: compiling all dependencies takes some minutes, once."
fi
cargo build --locked -p cli
