#!/usr/bin/env bash
# usage: scripts/bench.sh [NAME...]
#
# Runs the benches one after another: the parts first, then the whole path. Figures are read as ratios. Names choose
# some of them: bridge, bridge-kafka, engine, javascript, waits, cold-start, path, path-kafka.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=" $* "
wants() { [ "$wanted" = "  " ] || [[ $wanted == *" $1 "* ]]; }
bench() { cargo bench --locked --quiet "$@"; }

# Link-time optimization makes a quarter of an hour of these many programs, and no difference that is seen here.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_BENCH_LTO=off
echo "Building in release mode: minutes the first time."
cargo build --locked --release --workspace --bins
cargo bench --locked --no-run -p bridge -p workers -p cli

if wants bridge; then bench -p bridge --bench produce; fi
if wants bridge-kafka; then
  folder=$(mktemp -d)
  # The broker stops when its standard input ends: with this script, however that ends.
  coproc KAFKA { exec python3 scripts/kafka_server.py --dir "$folder" --scratch --stop-with-stdin; }
  kafka=$KAFKA_PID
  read -r told <&"${KAFKA[0]}"
  bench -p bridge --bench produce -- "$(sed -E 's/.*"bootstrap": *"([^"]+)".*/\1/' <<<"$told")"
  kill "$kafka"
  wait "$kafka" || true
fi
if wants engine; then bench -p workers --bench engine; fi
if wants javascript; then bench -p workers --bench javascript; fi
if wants waits; then bench -p workers --bench waits; fi
if wants cold-start; then bench -p cli --bench cold_start; fi
if wants path; then bench -p cli --bench path; fi
if wants path-kafka; then bench -p cli --bench path -- cluster; fi
