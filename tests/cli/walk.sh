#!/usr/bin/env bash
# Walks all commands of the program with good and bad input: exit status 0, 1 or 2; results on
# stdout and all else on stderr; a message that says what is wrong, where, and what to do; existing
# files left alone. usage: walk.sh HEMIOLA MODELS-FOLDER
set -uo pipefail

hemiola=$1
model=$2
model_file=$(find "$2" -name '*.hemiola' | head -1)
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
unset HEMIOLA_MODEL
failures=0

complain() {
  echo "FAILED: hemiola ${args[*]}: $1" >&2
  sed 's/^/  stdout: /' out | head -5 >&2
  sed 's/^/  stderr: /' err | head -5 >&2
  failures=$((failures + 1))
}
# run STATUS ARGUMENTS...: leaves stdout in `out` and stderr in `err`.
run() {
  local wanted=$1 status
  shift
  args=("$@")
  "$hemiola" "$@" >out 2>err </dev/null
  status=$?
  [ $status -eq "$wanted" ] || complain "exit status $status, expected $wanted"
}
# bad STATUS TEXT ARGUMENTS...: fails with TEXT on stderr and nothing on stdout.
bad() {
  local wanted=$1 text=$2
  shift 2
  run "$wanted" "$@"
  grep -qF -- "$text" err || complain "stderr does not say: $text"
  [ -s out ] && complain "stdout should be empty"
}
# says TEXT: the last command's stdout has it.
says() { grep -qF -- "$1" out || complain "stdout does not say: $1"; }
json() { # the last command's stdout is one JSON object (checked by its first and last character)
  [ "$(wc -l <out)" -eq 1 ] && grep -qE '^[[{].*[]}]$' out || complain "stdout is not one JSON value"
}
made() { [ -s "$1" ] || complain "$1 was not written"; }
has() { "$hemiola" --help | grep -qE "^  $1 " ; }

# Help
run 0 --help
says "hemiola COMMAND --help"
run 0 --version
bad 2 "" nonsense
bad 2 "" --nonsense
run 2
commands=$("$hemiola" --help | awk '/^Subcommands:/{on=1; next} on && /^  [a-z]/{print $1}')
[ "$(wc -w <<<"$commands")" -ge 12 ] || { args=(--help); complain "too few commands listed"; }
for command in $commands; do
  run 0 "$command" --help
  says "Usage:"
  grep -q "Example" out || [[ $command == dataset || $command == tokenizer ]] ||
    grep -q "hemiola $command" out || complain "no example"
  [ -s err ] && complain "help belongs on stdout"
  run 2 "$command" --no-such-option
done
for sub in "import" "join" "stats" "export" "export-index" "loops"; do
  run 0 dataset "$sub" --help
  says "Example"
done
run 0 tokenizer train --help
says "Example"

# A data set of loops
run 0 dataset loops -o loops --count 40 --seed 3
run 0 dataset loops -o loops2 --count 3 --seed 3 --json
json
cmp -s loops/loop-00001.mid loops2/loop-00001.mid || complain "same arguments, other bytes"
bad 2 "--count" dataset loops -o loops3 --count 0
run 0 dataset import loops -o data --json
json
says '"accepted"'
bad 1 "no-such-folder" dataset import no-such-folder -o data9
bad 2 "" dataset import loops
bad 1 "--shard 3/2" dataset import loops -o data9 --shard 3/2
bad 2 "" dataset
run 0 dataset import loops2 -o data2
run 0 dataset join data data2 -o data3
run 0 dataset stats data --json
json
bad 1 "not a data set" dataset stats loops
run 0 dataset export data -o exported --split train --most 2 --json
json
bad 2 "--split" dataset export data -o exported --split middle
run 0 dataset export-index data -o loops.novelty --json
json
made loops.novelty
bad 1 "--force" dataset export-index data -o loops.novelty
bad 1 "not a data set" dataset export-index loops -o other.novelty

# Tokens
run 0 tokenizer train data -o tok.json --vocab 1200
made tok.json
bad 1 "--force" tokenizer train data -o tok.json
bad 1 "not a data set" tokenizer train loops -o tok2.json
bad 2 "--vocab" tokenizer train data -o tok2.json --vocab 7
song=loops/loop-00001.mid
run 0 tokenize $song -o song.tokens
made song.tokens
bad 1 "--force" tokenize $song -o song.tokens
run 0 tokenize $song
says "Form_whole"
run 0 tokenize $song --ids --tokenizer tok.json
run 0 tokenize $song --json --tokenizer tok.json
json
run 0 tokenize --verify loops2 --json
json
says '"exact":3'
bad 1 "missing.mid" tokenize missing.mid
bad 1 "no files there" tokenize --verify data/shards
head -c 300 /dev/urandom >noise.mid
bad 1 "noise.mid" tokenize noise.mid
: >empty.mid
bad 1 "empty.mid" tokenize empty.mid
bad 1 "tok-missing.json" tokenize $song --ids --tokenizer tok-missing.json
run 0 detokenize song.tokens -o again.mid
made again.mid
bad 1 "--force" detokenize song.tokens -o again.mid
run 0 detokenize song.tokens -o again.mid --force
echo "Form_whole Nonsense" >bad.tokens
bad 1 "bad.tokens" detokenize bad.tokens -o bad.mid
[ -e bad.mid ] && complain "a refused file left an output"

# Notation and beats
run 0 notation $song
run 0 notation $song -o song.jianpu
bad 1 "--force" notation $song -o song.jianpu
bad 1 "missing.mid" notation missing.mid
echo "1=C 4/4 | 1 1 5 9 |" >bad.jianpu
bad 1 "bad.jianpu" notation bad.jianpu
run 0 beats $song
says "db"
run 0 beats $song --json
json
bad 1 "missing.mid" beats missing.mid

# New music
if has generate; then
  run 0 generate --bars 4 --seed 5 -o new --model "$model" --json
  json
  says '"novelty"'
  made new/piece-5.mid
  bad 1 "--force" generate --bars 4 --seed 5 -o new --model "$model"
  run 0 generate --bars 4 --seed 5 -o new --model "$model" --force
  [ -s out ] && complain "without --json nothing belongs on stdout"
  run 0 generate --bars 2 --seed 5 -o new --model "$model" --force --novel
  run 0 generate --bars 2 --seed 5 -o new --model "$model" --force --data data --json
  run 0 generate --continue song.jianpu --from-bar 3 --bars 2 --seed 6 -o new --model "$model"
  made new/song-on-6.mid
  run 0 generate --infill song.tokens --bars 2-3 --tracks 1 --seed 6 -o new --model "$model"
  made new/song-anew-6.mid
  bad 2 "key 'H'" generate --key H -o new
  bad 2 "metre '4/5'" generate --metre 4/5 -o new
  bad 2 "range '90-20'" generate --range 90-20 -o new
  bad 2 "chord 'X'" generate --chords "C X" -o new
  bad 2 "" generate --instruments kazoo9 -o new
  bad 2 "--tempo" generate --tempo 9000 -o new
  bad 2 "--density" generate --density 0 -o new
  bad 2 "" generate --continue a.mid --infill b.mid -o new
  bad 2 "" generate --from-bar 3 -o new
  bad 2 "--bars" generate --infill $song -o new
  bad 2 "" generate --bars 4
  bad 2 "--bars twelve" generate --bars twelve -o new
  bad 1 "is for --infill" generate --bars 3-4 -o new
  bad 1 "missing.mid" generate --continue missing.mid -o new --model "$model"
  bad 1 "no-model" generate -o new --model no-model
  bad 1 "style 'polka'" generate --style polka -o new --model "$model"
  bad 1 "the piece has bars 1 to 4" generate --infill $song --bars 3-9 -o new --model "$model"
  bad 1 "temperature" generate --temperature -1 -o new --model "$model"
  cp "$model_file" alone.hemiola
  bad 1 "alone.novelty" generate --novel -o new --model alone.hemiola
  run 0 novelty new/piece-5.mid --model "$model" --json
  json
  bad 1 "alone.novelty" novelty $song --model alone.hemiola
fi
run 0 novelty $song --data data --json
json
says '"exact_file":true'
run 0 novelty $song --data data
bad 1 "missing.mid" novelty missing.mid --data data
bad 1 "not a data set" novelty $song --data loops
bad 2 "" novelty

# Sound
if has render; then
  run 0 render $song -o song.wav
  made song.wav
  bad 1 "--force" render $song -o song.wav
  bad 1 "song.xyz" render $song -o song.xyz
  bad 2 "--rate" render $song -o song.flac --rate 5
  bad 1 "missing.sf2" render $song -o song2.wav --soundfont missing.sf2
fi

# Models
if has train; then
  run 0 train --preset seed --print-config
  says '"n_layer"'
  run 0 train --preset tiny --data data --tokenizer tok.json -o run --steps 3 --length 64 \
    --batch-tokens 128 --evaluate-tokens 200 --device cpu
  made run/last/model.safetensors
  made run/samples/step-000003-2.mid
  bad 1 "--resume" train --preset tiny --data data --tokenizer tok.json -o run --steps 3
  run 0 train --resume -o run --json
  json
  bad 1 "--from" train --resume -o run --steps 9
  bad 1 "not a data set" train --preset tiny --data loops -o run2 --steps 1
  bad 1 "preset" train --preset giant --print-config
  bad 2 "--infill" train --preset tiny --infill 7 --data data -o run2
  run 0 train --preset tiny --data data --tokenizer tok.json -o plain --steps 2 --length 64 \
    --batch-tokens 128 --evaluate-tokens 200 --device cpu --plain --sample-every 0
  [ -e plain/samples ] && complain "--sample-every 0 left samples"
  if has generate; then
    run 0 generate --bars 3 --seed 7 -o new --model plain/last
    made new/piece-7.mid
    run 0 generate --continue $song --bars 2 --seed 7 --range 40-80 -o new --model plain/last
    bad 1 "trained without holes" generate --infill $song --bars 2-3 -o new --model plain/last
    bad 1 "trained without control words" generate --density 3 -o new --model plain/last
    bad 1 "trained without chords" generate --chords "C G" -o new --model plain/last
  fi
  run 0 export run/last -o tiny.hemiola --quantize int8
  made tiny.hemiola
  bad 1 "--force" export run/last -o tiny.hemiola
  bad 2 "--quantize" export run/last -o tiny2.hemiola --quantize int3
fi
bad 1 "loops" export loops -o x.hemiola

# The units of an encoder made anew: twice the same ones, whatever units it had before
encoder=$(dirname "$model")/audiolm/semantic.safetensors
if has train && [ -f "$encoder" ]; then
  run 0 dataset loops -o sung --count 3 --seed 3 --audio
  run 0 audiolm prepare sung -o sounds --json
  json
  units=(audiolm train semantic --data sounds --units 20)
  run 0 "${units[@]}" --encoder "$encoder" -o units --json
  json
  says '"units":20'
  [ "$(ls units)" = semantic.safetensors ] || complain "something was trained"
  cp units/semantic.safetensors units.before
  bad 1 "an encoder stands there" "${units[@]}" --encoder "$encoder" -o units --seed 9
  cmp -s units/semantic.safetensors units.before || complain "an encoder was written over"
  run 0 "${units[@]}" --encoder units -o units2
  cmp -s units2/semantic.safetensors units.before || complain "other units of the same encoder"
  bad 2 "" "${units[@]}" --encoder units -o units3 --resume
  bad 1 "missing.safetensors" "${units[@]}" --encoder missing.safetensors -o units3
  [ -e units3 ] && complain "a refused run left a folder"

  # Going on from the parts of a bundle: a stage, and the codec's decoder, which leaves codes as they
  # were; a bundle of both, in which the coarse codes alone are heard
  bundle=$(dirname "$encoder")
  run 0 audiolm tokens --data sounds --codec "$bundle/codec.safetensors" --semantic "$encoder" -o sounds.tokens
  further=(audiolm train lm --steps 2 --tokens)
  run 0 "${further[@]}" sounds.tokens --stage rhythm --from "$bundle/rhythm.hemiola" -o rhythm --json
  json
  made rhythm/last/model.safetensors
  run 0 "${further[@]}" sounds.tokens --stage rhythm --from "$bundle/rhythm.hemiola" -o rhythm --resume
  bad 1 "the rhythm stage, and --stage says coarse" "${further[@]}" sounds.tokens --stage coarse --from "$bundle/rhythm.hemiola" -o other
  bad 2 "--width" "${further[@]}" sounds.tokens --stage rhythm --from "$bundle/rhythm.hemiola" --width 64 -o other
  run 0 audiolm tokens --data sounds --codec "$bundle/codec.safetensors" --semantic units/semantic.safetensors -o sounds2.tokens
  bad 1 "another codec or encoder" "${further[@]}" sounds2.tokens --stage rhythm --from "$bundle/rhythm.hemiola" -o other
  run 0 audiolm train codec --data sounds --from "$bundle/codec.safetensors" --adversarial 1 --quantizers 3 \
    --steps 2 --rows 1 --crop 0.2 --clips 1 -o decoder --json
  json
  bad 1 "decoded from 9 codes" audiolm train codec --data sounds --from "$bundle/codec.safetensors" --quantizers 9 \
    --steps 2 -o decoder2
  echo "# Two steps further" >further.md
  run 0 audiolm bundle --codec decoder/codec.safetensors --semantic "$encoder" --lm-rhythm rhythm/last \
    --lm-semantic "$bundle/semantic.hemiola" --lm-coarse "$bundle/coarse.hemiola" --lm-fine "$bundle/fine.hemiola" \
    --card further.md --quantizers 3 -o further
  run 0 audiolm generate --model further --seconds 0.5 -o further.wav --json
  json
  says '"decoded":{"quantizers":3}'
  made further.wav
  bad 1 "quantizers: expected 3" audiolm generate --model further --seconds 0.5 --quantizers 2 -o fewer.wav
  run 0 audiolm oracle --model further --data sounds --split train -n 1 --json
  json
  says '"rhythm":{'
fi

# Measuring
run 0 bench tokenize --runs 1 --json
json
says '"tokenize.t1"'
run 0 bench decode --preset tiny --runs 1 --tokens 8 --threads 1 --json
says '"decode.int8.t1"'
if has train; then
  run 0 bench train --preset tiny --runs 1 --threads 1
  says "train.fp32.t1"
fi
bad 2 "--runs" bench decode --runs 0
bad 1 "preset" bench decode --preset giant
bad 2 "" bench

head -c 100 "$model_file" >cut.hemiola
if has generate; then bad 1 "cut.hemiola" generate -o new --model cut.hemiola; fi

[ $failures -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
