#!/usr/bin/env bash
# Builds the C++ program, runs it on a folder of images and evaluates its results, all in the working directory.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/lite_common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lite_common.sh"

USAGE="Usage: bash scripts/run_infer_cpp.sh MINDIR_PATH DATA_PATH DVPP CONFIG_PATH DEVICE_TYPE [DEVICE_ID]
  MINDIR_PATH  model of scripts/convert_lite.sh, or an .onnx file of export.py, which is converted first
  DATA_PATH    folder of the images
  DVPP         decoder of the images: CPU, or DVPP on an Ascend device
  CONFIG_PATH  configuration; its dataset has the ground truth of the images
  DEVICE_TYPE  Ascend, GPU or CPU
  DEVICE_ID    default 0; a GPU is always device 0
Results: result_Files, time_Result, acc_Result; logs: build.log, infer.log, acc.log. Those of an earlier run are kept
under a number.
Environment: MS_LITE_HOME=FOLDER  MindSpore Lite, default the kit of scripts/setup_mindspore_lite.sh"
{ [ $# -ge 5 ] && [ $# -le 6 ]; } || usage_error "$USAGE"

MODEL="$(existing_file "model" "$1")"
DATA="$(absolute_path "$2")"
[ -d "$DATA" ] || fail "the folder of the images $DATA does not exist"
case "${3^^}" in
    CPU | DVPP) DECODER="${3^^}" ;;
    *) fail "DVPP is '$3', expected CPU or DVPP" ;;
esac
CONFIG="$(config_file "$4")"
case "${5^^}" in
    ASCEND) DEVICE=Ascend ;;
    GPU | CPU) DEVICE="${5^^}" ;;
    *) fail "DEVICE_TYPE is '$5', expected Ascend, GPU or CPU" ;;
esac
[ "$DECODER" = CPU ] || [ "$DEVICE" = Ascend ] || fail "DVPP decodes on an Ascend device; with $DEVICE use CPU"
DEVICE_ID="${6:-0}"
device_number DEVICE_ID "$DEVICE_ID"
[ "$DEVICE" != GPU ] || DEVICE_ID=0
PROGRAM="$(project_python)"
LITE="$(lite_home)"
if [[ "$MODEL" = *.onnx ]]; then
    CONVERTED="$(mktemp -d)"
    trap 'rm -rf "$CONVERTED"' EXIT
    bash "$PROJECT_ROOT/scripts/convert_lite.sh" "$MODEL" "$CONVERTED/model.mindir"
    MODEL="$CONVERTED/model.mindir"
elif ! has_converter "$LITE" && is_exported "$MODEL"; then
    fail "$MODEL is MindIR of MindSpore, which MindSpore Lite $LITE_VERSION cannot load; export its checkpoint as ONNX, \
and give that file instead: $(export_command "$MODEL" "$CONFIG")"
fi

FLAGS=("--mindir_path=$MODEL" "--dataset_path=$DATA" "--device_type=$DEVICE" "--device_id=$DEVICE_ID" \
    "--cpu_dvpp=$DECODER" "--output_path=$CALLER_FOLDER")
INPUT_FLAGS="$(call_python src.export.cpp_config input_flags "$CONFIG")"
mapfile -t -O "${#FLAGS[@]}" FLAGS <<<"$INPUT_FLAGS"
OPTION=
cd "$CALLER_FOLDER"
refuse_locked "$CALLER_FOLDER" build.log
keep_earlier result_Files time_Result acc_Result build.log infer.log acc.log aipp.cfg
exec {LOCK}>build.log # held until the last step has ended
flock --nonblock "$LOCK" || true
if [ "$DECODER" = DVPP ]; then
    OPTION=-DSSD_DVPP=ON
    call_python src.export.cpp_config aipp "$CONFIG" "$CPP_FOLDER/aipp.cfg.in" >"$CALLER_FOLDER/aipp.cfg"
    FLAGS+=("--aipp_path=$CALLER_FOLDER/aipp.cfg")
fi

build_cpp "$CALLER_FOLDER/build.log" "$LITE" "$OPTION"
logged_step "the inference" "$CALLER_FOLDER/infer.log" "$CPP_BUILD/main" "${FLAGS[@]}"
cat "$CALLER_FOLDER/infer.log"
cd "$PROJECT_ROOT"
logged_step "the evaluation" "$CALLER_FOLDER/acc.log" "$PROGRAM" postprocess.py "--config_path=$CONFIG" \
    "--result_path=$CALLER_FOLDER/result_Files" "--img_path=$DATA" --drop=True "--output_path=$CALLER_FOLDER/acc_Result"
cat "$CALLER_FOLDER/acc.log"
