#!/usr/bin/env bash
# Trains on one device; all output of the run is in the folder LOG<DEVICE_ID> of the checkout.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/run_standalone_train.sh [--wait] DEVICE_ID EPOCH_SIZE LR DATASET CONFIG_PATH \\
           [PRE_TRAINED PRE_TRAINED_EPOCH_SIZE]
  DATASET      coco, voc or other
  PRE_TRAINED  checkpoint to begin with, and the number of epochs that it was trained for
  --wait       stay in the foreground and pass the exit code on (also WAIT=1)
Environment: DEVICE_TARGET=Ascend|GPU|CPU instead of that of the configuration
             RESUME=1 resumes the interrupted run"
parse_wait "$@"
set -- "${ARGUMENTS[@]}"
[ $# -eq 5 ] || [ $# -eq 7 ] || usage_error "$USAGE"

device_number DEVICE_ID "$1"
dataset_name "$4"
CONFIG="$(config_file "$5")"
pretrained_flags "${@:6}"
PROGRAM="$(project_python)"
LOG="LOG$1"
cd "$PROJECT_ROOT"
FLAGS=("--config_path=$CONFIG" "--dataset=$4" "--epoch_size=$2" "--device_id=$1" "--output_path=$LOG/output" "--lr=$3" \
    "${PRETRAINED[@]}")
mapfile -t -O "${#FLAGS[@]}" FLAGS < <(device_flags)

refuse_running "$LOG"
check_flags "$PROGRAM" "${FLAGS[@]}"
convert_dataset "$PROGRAM" "${FLAGS[@]}"
new_log_folders "$LOG"
run_logged "$LOG/log.txt" "$PROGRAM" train.py "${FLAGS[@]}"
