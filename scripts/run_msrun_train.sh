#!/usr/bin/env bash
# Data-parallel training with MindSpore's own launcher, on one or several machines; all output of a run is in LOG.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/run_msrun_train.sh [--wait] [--node_num=N --node_rank=I --master_addr=HOST] [--master_port=PORT] \\
           DEVICE_NUM EPOCH_SIZE LR DATASET CONFIG_PATH [PRE_TRAINED PRE_TRAINED_EPOCH_SIZE]
  DEVICE_NUM     ranks on this machine, one for each device
  --node_num     number of machines (default 1); the same command is started on each, with its own --node_rank
  --master_addr  address of the machine with --node_rank=0 (default 127.0.0.1); --master_port defaults to 8118
  --wait         stay in the foreground and pass the exit code on (also WAIT=1)
Environment: DEVICE_TARGET=Ascend|GPU|CPU instead of that of the configuration
             RESUME=1 resumes the interrupted run"
SECONDS_FOR_MASTER=3600 # machines may start at different times, and convert images first
NODE_NUM=1 NODE_RANK=0 MASTER_ADDR=127.0.0.1 MASTER_PORT=8118
parse_wait "$@"
POSITIONAL=()
for argument in "${ARGUMENTS[@]}"; do
    case "$argument" in
        --node_num=*) NODE_NUM="${argument#*=}" ;;
        --node_rank=*) NODE_RANK="${argument#*=}" ;;
        --master_addr=*) MASTER_ADDR="${argument#*=}" ;;
        --master_port=*) MASTER_PORT="${argument#*=}" ;;
        --*) usage_error "$USAGE" ;;
        *) POSITIONAL+=("$argument") ;;
    esac
done
set -- "${POSITIONAL[@]}"
[ $# -eq 5 ] || [ $# -eq 7 ] || usage_error "$USAGE"

positive_number DEVICE_NUM "$1"
dataset_name "$4"
positive_number --node_num "$NODE_NUM"
positive_number --master_port "$MASTER_PORT"
[[ "$NODE_RANK" =~ ^[0-9]+$ && "$NODE_RANK" -lt "$NODE_NUM" ]] ||
    fail "--node_rank is '$NODE_RANK'; expected a number from 0 to $((NODE_NUM - 1))"
CONFIG="$(config_file "$5")"
pretrained_flags "${@:6}"
PROGRAM="$(project_python)"
BIN="$(dirname "$(command -v "$PROGRAM" || true)")"
[ -x "$BIN/msrun" ] || fail "msrun is not beside $PROGRAM: is MindSpore installed in its environment?"
export PATH="$BIN:$PATH" # msrun calls its interpreter python

# answers: whether a program listens at the master's port.
answers() {
    (exec 3<>"/dev/tcp/$MASTER_ADDR/$MASTER_PORT") 2>/dev/null
}

LOG=LOG
[ "$NODE_NUM" -eq 1 ] || LOG="LOG_node$NODE_RANK"
cd "$PROJECT_ROOT"
FLAGS=("--config_path=$CONFIG" "--dataset=$4" "--epoch_size=$2" "--output_path=$LOG/output" "--lr=$3" "${PRETRAINED[@]}")
mapfile -t -O "${#FLAGS[@]}" FLAGS < <(device_flags)

refuse_running "$LOG"
check_flags "$PROGRAM" "${FLAGS[@]}"
[ "$NODE_RANK" -ne 0 ] || ! answers ||
    fail "port $MASTER_PORT of $MASTER_ADDR is in use, perhaps by another run; choose one with --master_port"
convert_dataset "$PROGRAM" "${FLAGS[@]}"
new_log_folders "$LOG"
if [ "$NODE_RANK" -ne 0 ] && ! answers; then
    echo "Waiting for the machine with --node_rank=0 at $MASTER_ADDR:$MASTER_PORT"
    until answers; do
        [ "$SECONDS" -lt "$SECONDS_FOR_MASTER" ] || fail "that machine did not start within $SECONDS_FOR_MASTER seconds"
        sleep 1
    done
fi
set_up_launch "$1"
run_logged "$LOG/log.txt" "$PROGRAM" scripts/launch_ranks.py msrun "--worker_num=$(($1 * NODE_NUM))" \
    "--local_worker_num=$1" "--node_rank=$NODE_RANK" "--master_addr=$MASTER_ADDR" "--master_port=$MASTER_PORT" \
    "--cluster_time_out=$SECONDS_FOR_MASTER" "--log_dir=$LOG/ranks" --join=False \
    python train.py "${FLAGS[@]}" --run_distribute=True "--device_num=$(($1 * NODE_NUM))"
