#!/usr/bin/env bash
# Converts an exported ONNX model to an OM file, with the converter atc of CANN.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/lite_common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lite_common.sh"

USAGE="Usage: bash scripts/convert_om.sh MODEL_PATH OUTPUT_PATH SOC_VERSION [CONFIG_PATH]
  MODEL_PATH   .onnx file of export.py; a free batch size becomes 1
  OUTPUT_PATH  new file, ending with .om
  SOC_VERSION  of the device, as npu-smi info names it: Ascend310, Ascend310P3, Ascend310B4
  CONFIG_PATH  configuration of the model: the OM file then takes the YUV images of the hardware decoder (AIPP)
Log: atc.log in the working directory
Environment: PRECISION=MODE  precision_mode_v2 of atc, default cube_fp16in_fp32out: convolutions in float16, the rest,
                             such as the decoding of boxes, in float32"
{ [ $# -ge 3 ] && [ $# -le 4 ]; } || usage_error "$USAGE"

MODEL="$(existing_file "model" "$1")"
OUTPUT="$(absolute_path "$2")"
SOC_VERSION="$3"
LOG="$CALLER_FOLDER/atc.log"
[[ "$MODEL" = *.onnx ]] || fail "$MODEL is no .onnx file; export one with --file_format=ONNX"
[[ "$OUTPUT" = *.om ]] || fail "$OUTPUT must end with .om"
[[ "$SOC_VERSION" =~ ^Ascend[0-9A-Za-z_]+$ ]] ||
    fail "SOC_VERSION is '$SOC_VERSION', expected Ascend and the name of npu-smi info, such as Ascend310P3"
[ -d "$(dirname "$OUTPUT")" ] || fail "the folder of $OUTPUT does not exist"
command -v atc >/dev/null ||
    fail "atc is not on the path: it comes with CANN, whose set_env.sh has to be sourced first (docs/export.md)"

SHAPE="$(call_python src.export.om om_input_shape "$MODEL")"
# The output gets its name after every step has succeeded.
PART="$(mktemp -d "$(dirname "$OUTPUT")/.part-XXXXXX")"
trap 'rm -rf "$PART"' EXIT
FLAGS=(--framework=5 "--model=$MODEL" "--output=$PART/model" --input_format=NCHW "--input_shape=$SHAPE"
    "--soc_version=$SOC_VERSION" "--precision_mode_v2=${PRECISION:-cube_fp16in_fp32out}" --output_type=FP32)
if [ $# -eq 4 ]; then
    CONFIG="$(config_file "$4")"
    call_python src.export.cpp_config aipp "$CONFIG" "$CPP_FOLDER/aipp.cfg.in" >"$PART/aipp.cfg"
    FLAGS+=("--insert_op_conf=$PART/aipp.cfg")
fi
logged_step "atc" "$LOG" atc "${FLAGS[@]}"
[ -f "$PART/model.om" ] || fail "atc wrote no file; log: $LOG"
mv "$PART/model.om" "$OUTPUT"
echo "converted: $OUTPUT"
