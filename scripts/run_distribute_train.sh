#!/usr/bin/env bash
# Data-parallel training on the Ascend devices of one machine, described by a rank table; each rank has a folder LOG<RANK>.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/run_distribute_train.sh [--wait] DEVICE_NUM EPOCH_SIZE LR DATASET RANK_TABLE_FILE CONFIG_PATH \\
           [PRE_TRAINED PRE_TRAINED_EPOCH_SIZE]
  DEVICE_NUM       number of devices, one rank for each
  DATASET          coco, voc or other
  RANK_TABLE_FILE  description of the devices (hccl.json)
  PRE_TRAINED      checkpoint to begin with, and the number of epochs that it was trained for
  --wait           stay in the foreground and pass the exit code on (also WAIT=1)
Environment: DEVICE_TARGET=Ascend|CPU instead of that of the configuration; on a CPU the rank table is not used
             RESUME=1 resumes the interrupted run
run_msrun_train.sh does the same without a rank table, on any device."
parse_wait "$@"
set -- "${ARGUMENTS[@]}"
[ $# -eq 6 ] || [ $# -eq 8 ] || usage_error "$USAGE"

positive_number DEVICE_NUM "$1"
dataset_name "$4"
RANK_TABLE_FILE="$(existing_file "rank table" "$5")"
CONFIG="$(config_file "$6")"
pretrained_flags "${@:7}"
PROGRAM="$(project_python)"
cd "$PROJECT_ROOT"
LOGS=()
for ((rank = 0; rank < $1; rank++)); do
    LOGS+=("LOG$rank")
done
FLAGS=("--config_path=$CONFIG" "--dataset=$4" "--epoch_size=$2" --output_path=LOG0/output "--lr=$3" "${PRETRAINED[@]}")
mapfile -t -O "${#FLAGS[@]}" FLAGS < <(device_flags)
SCHEDULER=()
if [ "${DEVICE_TARGET:-}" = CPU ]; then
    SCHEDULER=(--with_scheduler)
else
    export RANK_TABLE_FILE
fi

refuse_running "${LOGS[@]}"
check_flags "$PROGRAM" "${FLAGS[@]}"
convert_dataset "$PROGRAM" "${FLAGS[@]}"
new_log_folders "${LOGS[@]}"
set_up_launch "$1"
run_logged LOG0/run.txt "$PROGRAM" scripts/launch_ranks.py "--ranks=$1" "--logs=LOG{rank}/log.txt" "${SCHEDULER[@]}" \
    "$PROGRAM" train.py "${FLAGS[@]}" --run_distribute=True "--device_num=$1"
