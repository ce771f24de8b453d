#!/usr/bin/env bash
# Data-parallel training on the GPUs of one machine with mpirun; all output of a run is in the folder LOG.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/run_distribute_train_gpu.sh [--wait] DEVICE_NUM EPOCH_SIZE LR DATASET CONFIG_PATH \\
           [PRE_TRAINED PRE_TRAINED_EPOCH_SIZE]
  DEVICE_NUM   number of devices, one rank for each
  DATASET      coco, voc or other
  PRE_TRAINED  checkpoint to begin with, and the number of epochs that it was trained for
  --wait       stay in the foreground and pass the exit code on (also WAIT=1)
Environment: DEVICE_TARGET=GPU|CPU (default GPU)
             RESUME=1 resumes the interrupted run
run_msrun_train.sh does the same without mpirun, on any device."
parse_wait "$@"
set -- "${ARGUMENTS[@]}"
[ $# -eq 5 ] || [ $# -eq 7 ] || usage_error "$USAGE"

positive_number DEVICE_NUM "$1"
dataset_name "$4"
CONFIG="$(config_file "$5")"
pretrained_flags "${@:6}"
command -v mpirun >/dev/null ||
    fail "mpirun is not installed. Install Open MPI, or use scripts/run_msrun_train.sh, which takes the same arguments and needs \
no mpirun"
PROGRAM="$(project_python)"
cd "$PROJECT_ROOT"
export DEVICE_TARGET="${DEVICE_TARGET:-GPU}"
FLAGS=("--config_path=$CONFIG" "--dataset=$4" "--epoch_size=$2" --output_path=LOG/output --loss_scale=1 "--lr=$3" \
    "${PRETRAINED[@]}")
mapfile -t -O "${#FLAGS[@]}" FLAGS < <(device_flags)

refuse_running LOG
check_flags "$PROGRAM" "${FLAGS[@]}"
convert_dataset "$PROGRAM" "${FLAGS[@]}"
new_log_folders LOG
set_up_launch "$1"
TRAIN=("$PROGRAM" train.py "${FLAGS[@]}" --run_distribute=True "--device_num=$1")
VARIABLES=(-x OMP_NUM_THREADS -x GLOG_v)
RANK=("${TRAIN[@]}")
if [ "$DEVICE_TARGET" = CPU ]; then
    # MindSpore does not use MPI on a CPU: mpirun only starts the ranks. The first one also starts MindSpore's scheduler,
    # which connects them.
    PORT="$("$PROGRAM" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
    VARIABLES+=(-x "MS_WORKER_NUM=$1" -x MS_SCHED_HOST=127.0.0.1 -x "MS_SCHED_PORT=$PORT" -x SSD_LAUNCHER=1)
    # shellcheck disable=SC2016  # each rank expands these itself
    RANK=(bash -c 'export MS_NODE_ID="$OMPI_COMM_WORLD_RANK" MS_ROLE=MS_WORKER
        if [ "$MS_NODE_ID" = 0 ]; then
            MS_ROLE=MS_SCHED "$@" &
            trap "kill $!" EXIT
        fi
        "$@"' rank "${TRAIN[@]}")
fi
# Each rank finds its number and device in the variables of mpirun.
run_logged LOG/log.txt mpirun --allow-run-as-root --bind-to none --oversubscribe --tag-output --merge-stderr-to-stdout \
    --output-filename LOG/log_output -n "$1" "${VARIABLES[@]}" "${RANK[@]}"
