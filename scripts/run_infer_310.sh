#!/usr/bin/env bash
# run_infer_cpp.sh on an Ascend device.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/run_infer_310.sh MINDIR_PATH DATA_PATH DEVICE_ID CONFIG_PATH
  MINDIR_PATH  model of scripts/convert_lite.sh, or an .onnx file of export.py, which is converted first
  DATA_PATH    folder of the images
  CONFIG_PATH  configuration; its dataset has the ground truth of the images
Results, logs and MS_LITE_HOME: see run_infer_cpp.sh
Environment: DVPP=CPU|DVPP           decoder of the images, default CPU
             DEVICE_TARGET=GPU|CPU   another device"
[ $# -eq 4 ] || usage_error "$USAGE"

exec bash "$PROJECT_ROOT/scripts/run_infer_cpp.sh" "$1" "$2" "${DVPP:-CPU}" "$4" "${DEVICE_TARGET:-Ascend}" "$3"
