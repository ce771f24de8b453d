#!/usr/bin/env bash
# run_eval.sh on a GPU.
set -euo pipefail
export DEVICE_TARGET="${DEVICE_TARGET:-GPU}" SCRIPT_NAME=run_eval_gpu.sh
exec bash "$(dirname "${BASH_SOURCE[0]}")/run_eval.sh" "$@"
