#!/usr/bin/env bash
# Gets the weights of the transcriber (basic-pitch, Apache-2.0, from the npm package
# @spotify/basic-pitch) and converts them to what `hemiola transcribe` reads. Does nothing when they
# are there. usage: scripts/fetch_transcriber.sh [FOLDER]   (default: .cache/models of the checkout)
set -euo pipefail

package=@spotify/basic-pitch@1.0.1
sha256=9b1fd2f6633a6e76cf0c0a6f77e73dec072e26669e4e0a48cbe3f9bcc0003262
root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$root/.cache/models}
target=$folder/basic-pitch.safetensors

is_right() { [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status; }
is_right "$target" && exit 0

for program in npm node tar sha256sum; do
  command -v "$program" >/dev/null || {
    echo "fetch_transcriber: needs $program (Debian: apt-get install npm nodejs tar coreutils)" >&2
    exit 1
  }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "fetch_transcriber: getting $package" >&2
(cd "$work" && npm pack --silent "$package" >/dev/null && tar xzf ./*.tgz)
node "$root/scripts/convert_basic_pitch.mjs" "$work/package/model/model.json" "$work/converted"
is_right "$work/converted" || {
  echo "fetch_transcriber: the converted weights are not those this version was tested with" >&2
  exit 1
}
mkdir -p "$folder"
mv "$work/converted" "$target.part" && mv "$target.part" "$target"
echo "fetch_transcriber: $target" >&2
