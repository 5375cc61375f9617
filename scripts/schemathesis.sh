#!/usr/bin/env bash
# usage: scripts/schemathesis.sh [SECONDS]   (default 60)
#
# Sends generated requests, valid and invalid ones, to the API of a `minireipaz dev` of its own and compares the answers
# with public/openapi.json: no server error, no status, header or body that the document does not name, nothing refused
# that it allows, nothing taken that it forbids. The seed is fixed; SCHEMATHESIS_SEED chooses another.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
version=4.32.5
program=${CARGO_TARGET_DIR:-target}/debug/minireipaz
tools="${MINIREIPAZ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/minireipaz}/schemathesis-$version"

[ -x "$program" ] || cargo build --locked -p cli
if [ ! -x "$tools/bin/schemathesis" ]; then
  echo "installing schemathesis $version (from PyPI, once)"
  python3 -m venv "$tools.new"
  "$tools.new/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" || {
    echo "error: schemathesis cannot be installed; is PyPI, or the index that pip is told to use, within reach?" >&2
    exit 1
  }
  rm -rf "$tools"
  mv "$tools.new" "$tools"
fi

folder=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$program" dev --port "$port" --data "$folder/data" >"$folder/out" 2>&1 &
dev=$!
stop() {
  kill -INT "$dev" 2>/dev/null && wait "$dev" || true
  rm -rf "$folder"
}
trap stop EXIT
for _ in $(seq 600); do
  curl -fsS -o /dev/null -m 5 "http://127.0.0.1:$port/api/v1/ping?deep=true" 2>/dev/null && break
  kill -0 "$dev" 2>/dev/null || { cat "$folder/out" >&2; exit 1; }
  sleep 0.1
done

# Something to read and to start; what is saved and deleted, the requests make themselves.
token=$(cat "$folder/data/token")
create() { # PATH BODY -> the id
  curl -fsS -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$2" "http://127.0.0.1:$port/api/v1/$1" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'
}
workflow=$(create workflows @examples/hello/workflow.json)
run=$(create "workflows/$workflow/runs" '{"input": {"name": "Ada"}}')

# The interpreter of a moved environment is named in its scripts, so the module is run instead.
SCHEMATHESIS_TOKEN=$token SCHEMATHESIS_WORKFLOW=$workflow SCHEMATHESIS_RUN=$run "$tools/bin/python" -m schemathesis.cli \
  --config-file scripts/schemathesis.toml run public/openapi.json \
  --origin "http://127.0.0.1:$port" --max-time "$seconds" --seed "${SCHEMATHESIS_SEED:-1}" \
  --continue-on-failure --no-color
