#!/usr/bin/env bash
# usage: scripts/generate_openapi.sh [-page]
#
# Writes public/openapi.json from the handlers, the page that renders it, public/kinds.json and docs/kinds from the
# declarations of the node kinds, and the typed TypeScript client, which is compiled once with an example to prove it. `-page` fetches the page's renderer only: what a deployment's build needs.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  '' | -page) ;;
  *)
    echo "usage: scripts/generate_openapi.sh [-page]" >&2
    exit 64
    ;;
esac

client=clients/typescript

packages() {
  command -v npm >/dev/null || {
    echo "error: npm is not installed. It brings the page's renderer and the client's generator (versions are pinned" >&2
    echo "in $client/package-lock.json); install Node.js 20 or later, then run this again." >&2
    exit 69
  }
  npm ci --prefix "$client" --silent || {
    echo "error: npm could not install the packages of $client/package-lock.json (see above): is its registry reachable?" >&2
    exit 69
  }
}

page() {
  mkdir -p public/vendor
  cp "$client"/node_modules/swagger-ui-dist/{swagger-ui-bundle.js,swagger-ui.css,LICENSE,NOTICE} public/vendor/
  echo "  public/index.html          the page, with its renderer in public/vendor/"
}

if [ "${1:-}" = -page ]; then
  packages
  page
  exit 0
fi

document=$(cargo run --quiet --locked --package minireipaz --example openapi)
printf '%s\n' "$document" >public/openapi.json
echo "  public/openapi.json        $(grep -c '"operationId"' public/openapi.json) operations"
cargo run --quiet --locked --package domain --example kinds -- public/kinds.json docs/kinds
echo "  public/kinds.json          the node kinds, with a page each in docs/kinds/"
packages
page
npm run --prefix "$client" --silent generate >/dev/null
npm run --prefix "$client" --silent build
echo "  $client/src/schema.ts   types; the client and its example compile"
