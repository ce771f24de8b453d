#!/usr/bin/env bash
# Exports the checkpoint checkpoint_file_path of the configuration to the file file_name.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/run_export.sh [--wait] CONFIG_PATH FILE_FORMAT
  FILE_FORMAT  MINDIR, AIR (with an Ascend device only) or ONNX
  --wait       stay in the foreground and pass the exit code on (also WAIT=1)
Environment: DEVICE_TARGET=Ascend|GPU|CPU instead of that of the configuration"
parse_wait "$@"
set -- "${ARGUMENTS[@]}"
[ $# -eq 2 ] || usage_error "$USAGE"

CONFIG="$(config_file "$1")"
PROGRAM="$(project_python)"
cd "$PROJECT_ROOT"
FLAGS=("--config_path=$CONFIG" "--file_format=$2")
mapfile -t -O "${#FLAGS[@]}" FLAGS < <(device_flags)
check_flags "$PROGRAM" "${FLAGS[@]}"
run_logged log.txt "$PROGRAM" export.py "${FLAGS[@]}"
