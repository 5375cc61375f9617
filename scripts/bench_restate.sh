#!/usr/bin/env bash
# usage: scripts/bench_restate.sh
#
# Installs the Restate server that `make bench-peers` measures beside ours (npm, pinned with hashes by the lock in
# scripts/peers/restate, into the cache, once), builds the workflow that it runs, and prints the paths of both programs,
# a line each. Restate's licence (BSL) allows to run it; nothing of it is part of this project or shipped with it.
set -euo pipefail
cd "$(dirname "$0")/.."

peer=scripts/peers/restate
version=1.7.12

fail() {
  printf 'error: %s\n' "$@" >&2
  exit 69
}

case "$(uname -sm)" in
"Linux x86_64") platform=linux-x64 ;;
"Linux aarch64") platform=linux-arm64 ;;
*) fail "make bench-peers runs on Linux only: it reads what CPU costs from /proc." ;;
esac

cache=${MINIREIPAZ_CACHE:-$HOME/.cache/minireipaz}
home=$cache/restate-$version
server=$home/node_modules/@restatedev/restate-server-$platform/bin/restate-server
if [ ! -x "$server" ]; then
  command -v npm >/dev/null || fail "npm is not installed; Restate's server comes from its registry (Node.js 20 or later)."
  echo "installing the Restate server $version (npm, 220 MB, once) into $home" >&2
  mkdir -p "$cache"
  part=$(mktemp -d "$cache/restate-XXXXXX.part")
  trap 'rm -rf "$part"' EXIT
  cp "$peer/package.json" "$peer/package-lock.json" "$peer/.npmrc" "$part"
  npm ci --prefix "$part" --loglevel error >"$part/npm.log" 2>&1 || {
    tail -n 6 "$part/npm.log" >&2
    fail "npm could not install Restate $version (see above): is its registry reachable?" \
      "Without Restate: make bench measures ours alone."
  }
  [ -x "$part/${server#"$home"/}" ] || fail "npm brought no server for $platform: was it told to leave out optional packages?"
  chmod 755 "$part"
  # Another process may have been faster.
  mv -T "$part" "$home" 2>/dev/null || rm -rf "$part"
fi

# Cargo knows what is up to date; its own folder, so that nothing of ours is compiled anew.
CARGO_PROFILE_RELEASE_LTO=off cargo build --locked --quiet --release --manifest-path "$peer/Cargo.toml" \
  --target-dir target/peers >&2 ||
  fail "Restate's SDK for Rust could not be built (see above): is the registry of Rust crates reachable?"

printf '%s\n' "$server" "$PWD/target/peers/release/peer-restate"
