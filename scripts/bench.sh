#!/usr/bin/env bash
# Runs the benches one after another: the parts first, then the whole path. Figures are read as ratios.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "Building in release mode: minutes the first time."
cargo bench --locked --no-run -p bridge -p workers -p cli
for crate in bridge workers cli; do
  cargo bench --locked --quiet -p "$crate" --benches
done
