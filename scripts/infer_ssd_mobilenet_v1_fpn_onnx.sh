#!/usr/bin/env bash
# run_eval_onnx.sh for ssd_mobilenet_v1_fpn, with the report of infer_ssd_mobilenet_v1_fpn_onnx.py.
set -euo pipefail
export ENTRY=infer_ssd_mobilenet_v1_fpn_onnx.py SCRIPT_NAME=infer_ssd_mobilenet_v1_fpn_onnx.sh
export DEFAULT_CONFIG=config/ssd_mobilenet_v1_fpn_ONNX_config.yaml
exec bash "$(dirname "${BASH_SOURCE[0]}")/run_eval_onnx.sh" "$@"
