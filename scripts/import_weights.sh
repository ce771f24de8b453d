#!/usr/bin/env bash
# Converts weights that torchvision, mmdetection, TensorFlow or MindCV published to a MindSpore checkpoint, in the foreground.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/import_weights.sh FILE --from torchvision|mmdet|tensorflow|mindcv [--config CONFIG_PATH] [--output CHECKPOINT_PATH]
  FILE      weights of a detector (SSD300 with VGG16, .pth or .safetensors; SSD with MobileNetV2, .tflite; the SSDs of
            MindCV's examples, .ckpt) or of an ImageNet classifier (.pth or .safetensors)
  --config  configuration of the detector that takes the weights; for a detector's weights: by default that of the library
  --output  checkpoint to write; by default FILE with the ending .ckpt, or .imported.ckpt where FILE has that one"
[ $# -ge 1 ] || usage_error "$USAGE"

FILE="$1"
FLAGS=()
shift
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage_error "$USAGE"
    case "$1" in
        --from) FLAGS+=(--from "$2") ;;
        --config) FLAGS+=(--config "$(config_file "$2")") ;;
        --output) FLAGS+=(--output "$(absolute_path "$2")") ;;
        *) usage_error "$USAGE" ;;
    esac
    shift 2
done
FILE="$(existing_file "weights" "$FILE")"
PROGRAM="$(project_python)"
cd "$PROJECT_ROOT"
"$PROGRAM" -m src.weights.import_weights "$FILE" "${FLAGS[@]}"
