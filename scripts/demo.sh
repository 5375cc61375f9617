#!/usr/bin/env bash
# Runs an example through the whole path: HTTP → bridge → scheduler function → bridge → worker → ClickHouse → long poll.
# Uses the `make dev` that runs here, or else starts one in a temporary folder and stops it again.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh
program=target/debug/minireipaz
example=${1:-examples/price-watch}
data=${MINIREIPAZ_DATA:-.dev}

# `dev.json` says where the last one listened; whether it still runs, only an answer tells.
address() { sed -n 's/.*"functions": *"\([^"]*\)".*/\1/p' "$data/dev.json" 2>/dev/null || true; }
alive() { [ -n "$(address)" ] && curl -fsS -m 5 -o /dev/null "$(address)/api/v1/ping?deep=true" 2>/dev/null; }

if alive; then
  echo "Using the system that runs at $(address)."
else
  echo "No running system here: starting one for this demo."
  data=$(mktemp -d)
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  "$program" dev --data "$data" --port "$port" &
  pid=$!
  stop() {
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    rm -rf "$data"
  }
  trap stop EXIT
  # The first start installs ClickHouse, which takes as long as the network needs.
  until alive && [ -s "$data/token" ]; do
    kill -0 "$pid" 2>/dev/null || { echo "error: minireipaz dev ended; see above" >&2; exit 1; }
    sleep 0.2
  done
fi

MINIREIPAZ_TOKEN=$(cat "$data/token") "$program" run "$example/workflow.json" \
  --url "$(address)" --input "@$example/input.json" --expect "$example/expected.json"
