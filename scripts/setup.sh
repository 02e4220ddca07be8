#!/usr/bin/env bash
# Installs what Hemiola needs from Debian's packages, and only what is missing. Works offline once
# everything is there. usage: scripts/setup.sh [build|test|dev ...]   (default: build)
set -euo pipefail

build=(g++ cmake ninja-build ccache pkg-config ca-certificates
       libfmt-dev libcli11-dev nlohmann-json3-dev libexpected-dev libarchive-dev
       libtorch-dev libgloo-dev libopenblas0-pthread
       libfluidsynth-dev libsndfile1-dev libebur128-dev
       libavformat-dev libavcodec-dev libavutil-dev libsoxr-dev libeigen3-dev
       musescore-general-soundfont-small
       libboost-dev libsqlite3-dev libseccomp-dev bubblewrap)
test=(libgtest-dev libgmock-dev libbenchmark-dev chromium)
dev=(clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev libfuzzer-14-dev llvm-14)

# The page is built with Node 20 or later if one is here, else with Debian's 18.
node_is_new() {
  command -v npm >/dev/null && [ "$(node -p 'parseInt(process.versions.node)' 2>/dev/null || echo 0)" -ge 20 ]
}
node_is_new || build+=(nodejs npm)

want=("${build[@]}")
for set in "$@"; do
  case "$set" in
    build) ;;
    test) want+=("${test[@]}") ;;
    dev) want+=("${test[@]}" "${dev[@]}") ;;
    *) echo "setup: unknown set '$set' (build, test or dev)" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${want[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "setup: installing ${#missing[@]} Debian packages: ${missing[*]}" >&2
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "setup: these packages are missing and this user can neither be root nor use sudo:" >&2
    echo "       apt-get install ${missing[*]}" >&2
    exit 1
  }
  sudo=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "setup: done" >&2
