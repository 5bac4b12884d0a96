#!/usr/bin/env bash
# All speed figures of README and of the report, into results/bench: benchmarks/all.sh [FOLDER] [PART ...]
#
# Parts: sampling, halting, latency, surface, edge; all of them if none is named. On an idle machine with two cores each
# command takes eight minutes at most, those of `sampling` eleven. `halting` needs: pip install --no-deps
# tiny-recursive-model einops. PYTHON chooses the interpreter; data files are found as `gram train` finds them.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
out=${1:-results/bench}
parts=${*:2}
export OMP_WAIT_POLICY=passive
mkdir -p "$out"

wanted() { [[ -z $parts || " $parts " == *" $1 "* ]]; }
timed() { echo "$(date +%T) ${*:2:3}" >&2; "$python" "$@" > "$out/.log" || { cat "$out/.log"; exit 1; }; }

if wanted latency; then
    for name in queens-8 sudoku-9; do
        echo "$(date +%T) gram bench $name" >&2
        "$python" -m gram.cli bench $name --what solve --threads 2 --puzzles 8 --width 20 --select checked --json \
            > "$out/.bench" && mv "$out/.bench" "$out/latency-$name-checked.json"
    done
fi
if wanted sampling; then
    for dtype in same float32; do
        timed benchmarks/sampling.py sudoku-9 --puzzles 256 --width 20 --plain-dtype $dtype --out "$out/sampling-sudoku-9-$dtype.json"
    done
fi
if wanted halting; then
    for dtype in float32 bfloat16; do
        timed benchmarks/halting.py --size readme --dtype $dtype --depth 4 --out "$out/halting-readme-$dtype.json"
        timed benchmarks/halting.py --size laptop --dtype $dtype --depth 8 --out "$out/halting-laptop-$dtype.json"
        timed benchmarks/halting.py --size official --dtype $dtype --depth 2 --puzzles 16 \
            --out "$out/halting-official-$dtype.json"
    done
fi
if wanted surface; then
    for dtype in float32 bfloat16 int8; do
        cost=$([[ $dtype == bfloat16 ]] || echo "--widest 0 --deepest 0")
        timed benchmarks/surface.py queens-8 --dtype $dtype --puzzles 16 $cost --out "$out/surface-queens-8-$dtype.json"
        timed benchmarks/surface.py coloring-10 --dtype $dtype --puzzles 16 $cost --out "$out/surface-coloring-10-$dtype.json"
        timed benchmarks/surface.py sudoku-9 --dtype $dtype --puzzles 6 --depths 2,4,8,16,32 --repeats 3 $cost \
            --out "$out/surface-sudoku-9-$dtype.json"
    done
fi
if wanted edge; then
    for name in queens-8 coloring-10 sudoku-9; do
        timed benchmarks/edge.py $name --out "$out/edge-$name.json"
    done
fi
rm -f "$out/.log"
