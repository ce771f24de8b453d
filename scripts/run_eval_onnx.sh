#!/usr/bin/env bash
# Evaluates an ONNX file on COCO; the log is eval.log in the working directory.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

ENTRY="${ENTRY:-eval_onnx.py}"
DEFAULT_CONFIG="${DEFAULT_CONFIG:-config/ssd_vgg16_config_gpu.yaml}"
USAGE="Usage: bash scripts/${SCRIPT_NAME:-run_eval_onnx.sh} [--wait] DATA_PATH COCO_ROOT ONNX_MODEL_PATH \\
           [INSTANCES_SET] [DEVICE_TARGET] [CONFIG_PATH]
  DATA_PATH      folder of the datasets
  COCO_ROOT      COCO dataset, absolute or below DATA_PATH
  INSTANCES_SET  annotation file below COCO_ROOT, {} stands for the split; default annotations/instances_{}.json
  DEVICE_TARGET  GPU (default) or CPU
  CONFIG_PATH    default $DEFAULT_CONFIG
  --wait         stay in the foreground and pass the exit code on (also WAIT=1)
Environment: DEVICE_TARGET=GPU|CPU instead of the argument"
parse_wait "$@"
set -- "${ARGUMENTS[@]}"
{ [ $# -ge 3 ] && [ $# -le 6 ]; } || usage_error "$USAGE"

MODEL="$(existing_file "ONNX model" "$3")"
CONFIG="$(config_file "${6:-$DEFAULT_CONFIG}")"
PROGRAM="$(project_python)"
FLAGS=("--config_path=$CONFIG" --dataset=coco --batch_size=1 "--data_path=$(absolute_path "$1")" "--coco_root=$2" \
    "--file_name=$MODEL" "--instances_set=${4:-annotations/instances_{\}.json}" "--device_target=${DEVICE_TARGET:-${5:-GPU}}")
(cd "$PROJECT_ROOT" && check_flags "$PROGRAM" "${FLAGS[@]}")
run_logged eval.log "$PROGRAM" "$PROJECT_ROOT/$ENTRY" "${FLAGS[@]}"
