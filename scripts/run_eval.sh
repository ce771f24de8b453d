#!/usr/bin/env bash
# Evaluates a checkpoint; log and results are in the folder eval<DEVICE_ID> of the checkout.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/${SCRIPT_NAME:-run_eval.sh} [--wait] DATASET CHECKPOINT_PATH DEVICE_ID CONFIG_PATH
  DATASET          coco, voc or other
  CHECKPOINT_PATH  checkpoint, or a name of published weights (scripts/download_weights.sh)
  --wait           stay in the foreground and pass the exit code on (also WAIT=1)
Environment: DEVICE_TARGET=Ascend|GPU|CPU instead of that of the configuration"
parse_wait "$@"
set -- "${ARGUMENTS[@]}"
[ $# -eq 4 ] || usage_error "$USAGE"

device_number DEVICE_ID "$3"
dataset_name "$1"
CHECKPOINT="$(checkpoint_file "$2")"
CONFIG="$(config_file "$4")"
PROGRAM="$(project_python)"
FOLDER="eval$3"
cd "$PROJECT_ROOT"
FLAGS=("--config_path=$CONFIG" "--dataset=$1" "--checkpoint_file_path=$CHECKPOINT" "--device_id=$3" \
    "--output_path=$FOLDER/output")
mapfile -t -O "${#FLAGS[@]}" FLAGS < <(device_flags)
check_flags "$PROGRAM" "${FLAGS[@]}"
new_log_folders "$FOLDER"
run_logged "$FOLDER/log.txt" "$PROGRAM" eval.py "${FLAGS[@]}"
