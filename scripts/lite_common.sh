#!/usr/bin/env bash
# Functions that the scripts for C++ inference share; they source this file after common.sh.
set -euo pipefail

LITE_VERSION=2.0.0
CPP_PACKAGES="Debian, Ubuntu: apt-get install cmake g++ make libopencv-imgproc-dev libopencv-imgcodecs-dev nlohmann-json3-dev"
CPP_FOLDER="$PROJECT_ROOT/ascend310_infer"
# MindSpore Lite logs nothing unless GLOG_v is set: exit codes and the programs' own messages report errors.
export GLOG_v="${GLOG_v:-4}"

# lite_cache: prints the folder of the kit that setup_mindspore_lite.sh downloads.
lite_cache() {
    echo "${XDG_CACHE_HOME:-${HOME:-}/.cache}/mindspore-ssd/mindspore-lite-$LITE_VERSION"
}

# is_lite_home FOLDER: whether MindSpore Lite is there, as official archive or as kit.
is_lite_home() {
    [ -f "$1/runtime/include/api/model.h" ] || [ -f "$1/mindspore_lite/include/api/model.h" ] ||
        [ -f "$1/include/api/model.h" ]
}

# lite_home: prints $MS_LITE_HOME, or the folder of the kit, whose libraries are loaded: not from another user's cache.
lite_home() {
    local home="${MS_LITE_HOME:-$(lite_cache)}"
    is_lite_home "$home" || fail "no MindSpore Lite in $home: set MS_LITE_HOME to the folder of its official archive, \
or download the kit: bash $(printf '%q' "$PROJECT_ROOT/scripts/setup_mindspore_lite.sh")"
    [ -n "${MS_LITE_HOME:-}" ] || [ -O "$home" ] || fail "$home belongs to another user, and its libraries are code that \
is loaded: set MS_LITE_HOME=$home if you trust it"
    echo "$home"
}

# has_converter HOME: whether this MindSpore Lite is an official archive, which takes the MindIR of MindSpore.
has_converter() {
    [ -x "$1/tools/converter/converter/converter_lite" ]
}

# is_exported FILE: whether export.py wrote this MindIR file, with the MindSpore that is installed.
is_exported() {
    grep -q prior_scaling "$1"
}

# export_command MODEL [CONFIG]: prints the command that writes an ONNX file beside a MindIR file, for a message: it works in
# any folder, once its words in capital letters are replaced.
export_command() {
    printf '%q ' "$(project_python)" "$PROJECT_ROOT/export.py" "--config_path=${2:-CONFIG_PATH}" \
        --checkpoint_file_path=CHECKPOINT_PATH --file_format=ONNX
    printf '%q' "--file_name=${1%.*}"
}

# build_folder HOME OPTION: prints the build folder for this MindSpore Lite and this cmake option.
build_folder() {
    echo "$CPP_FOLDER/build/$(printf '%s %s' "$1" "$2" | cksum | cut -d' ' -f1)"
}

# build_cpp LOG HOME [CMAKE_OPTION]: builds the C++ programs unless they are built, and sets CPP_BUILD to their folder.
build_cpp() {
    local log="$1" home="$2" option="${3:-}"
    local -a flags=("-DMS_LITE_HOME=$home")
    [ -z "$option" ] || flags+=("$option")
    CPP_BUILD="$(build_folder "$home" "$option")"
    command -v cmake >/dev/null || fail "cmake is not installed ($CPP_PACKAGES)"
    logged_step "the build" "$log" cmake_build "$CPP_FOLDER" "$CPP_BUILD" "${flags[@]}"
}

# cmake_build SOURCE BUILD FLAG...
cmake_build() {
    cmake -S "$1" -B "$2" "${@:3}" || {
        echo "what the build needs, unless the lines above name something else: $CPP_PACKAGES"
        return 1
    }
    cmake --build "$2" --parallel
}

# call_python MODULE FUNCTION ARGUMENT...: calls a function of the project with texts as arguments and prints its result.
# Errors are shown as in the entry scripts.
call_python() {
    (cd "$PROJECT_ROOT" && "$(project_python)" -c '
import importlib, sys
from src.runtime.cli import entry_point
module, function, *arguments = sys.argv[1:]
result = entry_point(getattr(importlib.import_module(module), function))(*arguments)
if result is not None:
    print(result)' "$@" </dev/null)
}

# logged_step NAME LOG COMMAND...: runs the command, its output in LOG; a failure ends the script with the last lines.
logged_step() {
    local name="$1" log="$2" status=0
    shift 2
    "$@" </dev/null >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        tail -n 20 "$log" >&2
        fail "$name ended with code $status; log: $log"
    fi
}
