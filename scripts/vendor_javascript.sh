#!/usr/bin/env bash
# usage: scripts/vendor_javascript.sh
#
# Fetches the JavaScript libraries that expressions see, in the versions that stand here, as their authors publish them
# on npm. To update one: its version here, then this script, then
# `cargo test -p workers --lib expr`.
set -euo pipefail
cd "$(dirname "$0")/.."

luxon=3.7.2
jmespath=0.16.0

vendor=$PWD/workers/src/expr/javascript/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# usage: take PACKAGE@VERSION FILE TARGET [FILE TARGET]…
take() {
  local package=$1
  shift
  rm -rf "${work:?}/package"
  (cd "$work" && npm pack --silent "$package" >/dev/null && tar xzf ./*.tgz && rm ./*.tgz)
  while [ $# -gt 0 ]; do
    cp "$work/package/$1" "$vendor/$2"
    shift 2
  done
}

take "luxon@$luxon" build/global/luxon.min.js luxon.min.js LICENSE.md luxon.LICENSE.md
take "jmespath@$jmespath" jmespath.js jmespath.js LICENSE jmespath.LICENSE
sed -i -E "s/^(\| \`luxon.min.js\`.*\| )[0-9.]+( \|)/\1$luxon\2/; s/^(\| \`jmespath.js\`.*\| )[0-9.]+( \|)/\1$jmespath\2/" "$vendor/README.md"
git --no-pager diff --stat -- "$vendor"
