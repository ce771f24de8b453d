#!/usr/bin/env bash
# Converts an exported model to a file that the installed MindSpore Lite can load.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/lite_common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lite_common.sh"

USAGE="Usage: bash scripts/convert_lite.sh MODEL_PATH OUTPUT_PATH
  MODEL_PATH   .onnx file of export.py; with the official archive of MindSpore's own release also its .mindir
  OUTPUT_PATH  new file, ending with .mindir or .ms; of an .onnx file, its confidence thresholds come beside it
Log: convert.log in the working directory
Environment: MS_LITE_HOME=FOLDER  MindSpore Lite, default the kit of scripts/setup_mindspore_lite.sh"
[ $# -eq 2 ] || usage_error "$USAGE"

MODEL="$(existing_file "model" "$1")"
OUTPUT="$(absolute_path "$2")"
LOG="$CALLER_FOLDER/convert.log"
case "$OUTPUT" in
    *.mindir) TYPE=MINDIR ;;
    *.ms) TYPE=MINDIR_LITE ;;
    *) fail "$OUTPUT must end with .mindir or .ms" ;;
esac
SUFFIX="${OUTPUT##*.}"
case "$MODEL" in
    *.onnx) KIND=ONNX ;;
    *.mindir) KIND=MINDIR ;;
    *) fail "$MODEL is neither an .onnx nor a .mindir file" ;;
esac
[ "$MODEL" != "$OUTPUT" ] || fail "$OUTPUT is the model itself: give the output another name"
[ -d "$(dirname "$OUTPUT")" ] || fail "the folder of $OUTPUT does not exist"
LITE="$(lite_home)"
TOOL="$LITE/tools/converter/converter/converter_lite"
[ "$KIND" = ONNX ] || has_converter "$LITE" ||
    fail "$MODEL: MindSpore Lite $LITE_VERSION cannot convert MindIR; export its checkpoint as ONNX instead: \
$(export_command "$MODEL")"

# The output gets its name after every step has succeeded.
PART="$(mktemp -d "$(dirname "$OUTPUT")/.part-XXXXXX")"
trap 'rm -rf "$PART"' EXIT
if [ "$KIND" = ONNX ]; then
    logged_step "the preparation" "$LOG" call_python src.export.lite prepare_onnx "$MODEL" "$PART/prepared.onnx"
    MODEL="$PART/prepared.onnx"
fi
if has_converter "$LITE"; then
    export LD_LIBRARY_PATH="$LITE/tools/converter/lib:$LITE/runtime/lib:$LITE/runtime/third_party/glog"
    logged_step "the conversion" "$LOG" "$TOOL" "--fmk=$KIND" "--modelFile=$MODEL" "--outputFile=$PART/converted" \
        "--saveType=$TYPE"
    [ -f "$PART/converted.$SUFFIX" ] || fail "the conversion wrote no file; log: $LOG"
else
    build_cpp "$LOG" "$LITE"
    logged_step "the conversion" "$LOG" "$CPP_BUILD/convert_lite" "$MODEL" "$PART/converted.$SUFFIX"
    mkdir "$PART/images"
    logged_step "the check" "$LOG" call_python src.export.lite write_probe "$MODEL" "$PART/images"
    logged_step "the check" "$LOG" "$CPP_BUILD/main" "--mindir_path=$PART/converted.$SUFFIX" \
        "--dataset_path=$PART/images" "--output_path=$PART"
    logged_step "the check" "$LOG" call_python src.export.lite check_conversion "$MODEL" "$PART/result_Files"
    cat "$LOG"
fi
mv "$PART/converted.$SUFFIX" "$OUTPUT"
[ "$KIND" != ONNX ] || mv "$PART/prepared.thresholds.json" "$OUTPUT.thresholds.json"
echo "converted: $OUTPUT"
