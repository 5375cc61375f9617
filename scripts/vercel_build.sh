#!/usr/bin/env bash
# usage: scripts/vercel_build.sh [-quick] [-zig] [-install]
#
# Builds what `vercel deploy` ships, without an account: the Vercel CLI's own `vercel build`, offline. The result is in
# .vercel/output; `minireipaz serve` serves it.
#
#   -quick    for tests: no optimization, at link time neither (a binary then links in seconds instead of
#             minutes), into .vercel/quick and target/quick, so that nobody deploys it
#   -zig      compiles with cargo-zigbuild, as the CLI does by itself outside of the platform
#   -install  only installs the CLI
#
# On Linux x86_64 the functions are compiled with a plain `cargo build`: the platform is such a machine and compiles
# like that too, and it takes no second compiler. What is to be shipped as it was built here (`vercel deploy
# --prebuilt`) wants -zig: it links against an old C library, while a plain build needs the one of this machine, and
# the platform's may be older. Elsewhere -zig is the only way; what comes out runs on Linux only.
set -euo pipefail
cd "$(dirname "$0")/.."

version=64.0.2
# The CLI's dependencies are those of that day, whenever it is installed; one of them has to be older than the CLI asks.
day=2026-11-23 sandbox=4.5.0
zigbuild=0.24.1 zig=0.17.1

fail() {
  printf 'error: %s\n' "$@" >&2
  exit 69
}

quick='' zigbuilds='' only_install=''
for option; do
  case $option in
  -quick) quick=1 ;;
  -zig) zigbuilds=1 ;;
  -install) only_install=1 ;;
  *)
    echo "usage: scripts/vercel_build.sh [-quick] [-zig] [-install]" >&2
    exit 64
    ;;
  esac
done
[ "$(uname -sm)" = "Linux x86_64" ] || zigbuilds=1

cache=${MINIREIPAZ_CACHE:-$HOME/.cache/minireipaz}
without="Without the CLI: cargo build -p api-service && minireipaz serve --functions target/debug"

# Moves a finished install to its name, unless another process was faster.
finish() {
  mv -T "$1" "$2" 2>/dev/null || mv "$1" "$2" 2>/dev/null || true
  rm -rf "$1"
}

cli=$cache/vercel-$version
if [ ! -x "$cli/node_modules/.bin/vercel" ]; then
  if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    fail "Node.js is not installed; the Vercel CLI needs version 20 or later, with npm." "$without"
  fi
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] ||
    fail "the Vercel CLI needs Node.js 20 or later, and this is $(node --version)." "$without"
  echo "installing the Vercel CLI $version (npm, 360 MB, once) into $cli"
  mkdir -p "$cache"
  part=$(mktemp -d "$cache/vercel-XXXXXX.part")
  trap 'rm -rf "$part"' EXIT
  printf '{"private": true, "dependencies": {"vercel": "%s"}, "overrides": {"sandbox": "%s"}}\n' "$version" "$sandbox" \
    >"$part/package.json"
  npm install --prefix "$part" --before "$day" --ignore-scripts --no-audit --no-fund --loglevel error >"$part/npm.log" 2>&1 || {
    tail -n 6 "$part/npm.log" >&2
    fail "npm could not install vercel $version (see above): is its registry reachable?" "$without"
  }
  chmod 755 "$part"
  finish "$part" "$cli"
fi

if [ -n "$zigbuilds" ]; then
  tools=$cache/zigbuild-$zigbuild-$zig
  if [ ! -x "$tools/bin/cargo-zigbuild" ]; then
    echo "installing cargo-zigbuild $zigbuild and Zig $zig (PyPI, once) into $tools"
    part=$(mktemp -d "$cache/zigbuild-XXXXXX.part")
    trap 'rm -rf "$part"' EXIT
    pip=(env PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$part"
      "cargo-zigbuild==$zigbuild" "ziglang==$zig")
    "${pip[@]}" || fail "pip could not install cargo-zigbuild and ziglang (see above): does \`python3 -m pip\` reach PyPI?"
    chmod 755 "$part"
    finish "$part" "$tools"
  fi
  export PATH="$tools/bin:$PATH" PYTHONPATH="$tools"
  rustup target add x86_64-unknown-linux-gnu >/dev/null 2>&1 || true
else
  # What the CLI goes by: set, it compiles as on the platform.
  export VERCEL_BUILD_IMAGE=local
fi
[ -z "$only_install" ] || exit 0

if [ ! -f .vercel/project.json ]; then
  mkdir -p .vercel
  # Made up: nothing that is done here asks the platform for them.
  echo '{"projectId": "prj_local", "orgId": "team_local", "settings": {"framework": null}}' >.vercel/project.json
fi

output=.vercel/output
if [ -n "$quick" ]; then
  output=.vercel/quick
  export CARGO_TARGET_DIR=$PWD/target/quick
  export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0
fi
export VERCEL_TELEMETRY_DISABLED=1 NO_UPDATE_NOTIFIER=1 CI=1
echo "building the functions into $output (the first time compiles everything)"
rm -rf "$output"
# --standalone: the functions' folders hold their programs, which later builds then do not change.
node "$cli/node_modules/.bin/vercel" build --prod --yes --standalone --output "$output" --global-config "$cache/vercel"
python3 scripts/vercel_output.py "$output"
