#!/usr/bin/env bash
# usage: scripts/bench.sh [NAME...] [-- OPTION...]
#
# Runs the benches one after another: the parts first, then the whole path. Names choose some of them: bridge,
# bridge-kafka, engine, javascript, steps, loops, waits, cold-start, path, path-kafka; and three that are left out otherwise:
# peers (ours and Restate in turn), growth (millions of recorded runs, thousands of unfinished ones), soak (does anything grow). Options
# are for path and what comes after it; `-- --help` lists them, such as:
#
#   scripts/bench.sh path -- --rounds 9 --clients 1,64 --json figures.json
#
# docs/performance.md says what the figures mean.
set -euo pipefail
cd "$(dirname "$0")/.."

names='' options=()
while [ $# -gt 0 ]; do
  if [ "$1" = -- ]; then
    shift
    options=("$@")
    break
  fi
  names+=" $1"
  shift
done
# The benches run in another folder.
for i in "${!options[@]}"; do
  if [ "$i" -gt 0 ] && [ "${options[i - 1]}" = --json ] && [[ ${options[i]} != /* ]]; then
    options[i]=$PWD/${options[i]}
  fi
done

wants() { [[ -z $names && ! $1 =~ ^(peers|growth|soak)$ || "$names " == *" $1 "* ]]; }
bench() { cargo bench --locked --quiet "$@"; }
# Adds an option unless it was given.
unless_given() { [[ " ${options[*]} " == *" $1 "* ]] || more+=("$@"); }

# Link-time optimization makes a quarter of an hour of these many programs, and no difference that is seen here.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_BENCH_LTO=off
if wants peers; then
  told=$(scripts/bench_restate.sh)
  mapfile -t restate <<<"$told"
fi
echo "Building in release mode: minutes the first time."
# The programs that benches start: cargo builds only the command line with its benches.
if wants cold-start || wants path-kafka; then cargo build --locked --release --workspace --bins; fi

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
if wants loops; then bench -p workers --bench loops; fi
if wants steps; then bench -p workers --bench steps; fi
if wants waits; then bench -p workers --bench waits; fi
if wants cold-start; then bench -p cli --bench cold_start; fi
if wants path; then bench -p cli --bench path -- dev "${options[@]}"; fi
if wants path-kafka; then bench -p cli --bench path -- cluster "${options[@]}"; fi
if wants growth; then bench -p cli --bench path -- growth "${options[@]}"; fi
if wants soak; then
  more=()
  unless_given --clients 64
  unless_given --seconds 3600
  bench -p cli --bench path -- soak "${more[@]}" "${options[@]}"
fi
if wants peers; then
  bench -p cli --bench path -- peers --restate-server "${restate[0]}" --restate-service "${restate[1]}" "${options[@]}"
fi
