#!/usr/bin/env bash
# Fuzzes the parsers of untrusted files: annotations of each format, and configurations in YAML.
#
#   bash scripts/run_fuzz.sh [ITERATIONS] [TARGET...]
#
# ITERATIONS: inputs for each target, default 20000. TARGET: coco, voc, txt, yolo, yolo_data, labelme, cvat, label_studio,
# yaml; default all of them, one after the other. FUZZ_SECONDS=S ends each after S seconds. Inputs that show a fault are
# kept in output/fuzz of the working directory, and the exit code is 1. VENV=FOLDER uses another virtual environment
# than .venv.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
TARGETS=(coco voc txt yolo yolo_data labelme cvat label_studio yaml)
USAGE="Usage: bash scripts/run_fuzz.sh [ITERATIONS] [TARGET...]
TARGET: ${TARGETS[*]}"

iterations="${1:-20000}"
[[ "$iterations" =~ ^[1-9][0-9]*$ ]] || usage_error "$USAGE"
shift || true
[ $# -gt 0 ] || set -- "${TARGETS[@]}"
for target in "$@"; do
    [[ " ${TARGETS[*]} " == *" $target "* ]] || usage_error "$USAGE"
done

prepare_environment requirements.txt tests/requirements.txt
if ! "$VENV_PYTHON" -c "import atheris" >/dev/null 2>&1; then
    echo "Installing atheris"
    "$VENV_PYTHON" -m pip install --quiet --disable-pip-version-check --only-binary=:all: atheris </dev/null ||
        echo "atheris has no package for this Python: inputs are mutated at random, not guided by coverage"
fi

status=0
for target in "$@"; do
    echo "$target"
    (cd "$PROJECT_ROOT" && "$VENV_PYTHON" -m tests.fuzz.run "$target" --iterations="$iterations" \
        --seconds="${FUZZ_SECONDS:-0}" --output="$CALLER_FOLDER/output/fuzz" </dev/null) || status=1
done
[ "$status" = 0 ] || echo "error: a fault was found; its input is in $CALLER_FOLDER/output/fuzz" >&2
exit "$status"
