# shellcheck shell=bash
# Functions that the other scripts share; they source this file. It sets only the variables below.

PROJECT_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CALLER_FOLDER="$PWD"
SUPPORTED_PYTHON="3.10, 3.11 or 3.12"
LOCK_FILE=requirements.lock
CONFIG_FLAGS=() # --KEY=ABSOLUTE_PATH of each path in the configuration, see check_flags

# fail MESSAGE: prints it to stderr and ends the script with code 1.
fail() {
    echo "error: $1" >&2
    exit 1
}

# usage_error TEXT: prints the usage to stderr and ends the script with code 1.
usage_error() {
    echo "$1" >&2
    exit 1
}

# absolute_path PATH: prints it as seen from the folder in which the script was called. The path need not exist.
absolute_path() {
    case "$1" in
        /* | [A-Za-z]:[/\\]*) echo "$1" ;;
        *) echo "$CALLER_FOLDER/$1" ;;
    esac
}

# existing_file MEANING PATH: prints the absolute path of a file that must exist.
existing_file() {
    local path
    path="$(absolute_path "$2")"
    [ ! -d "$path" ] || fail "$1 $path is a folder; name a file"
    [ -f "$path" ] || fail "$1 $path does not exist"
    echo "$path"
}

# checkpoint_file PATH_OR_NAME: prints the absolute path of a checkpoint that must exist, or a name of published weights,
# which are fetched now, before anything is started.
checkpoint_file() {
    if [ -f "$(absolute_path "$1")" ] || [[ ! "$1" =~ ^[A-Za-z0-9_]+$ ]]; then
        existing_file "checkpoint" "$1"
    else
        (cd "$PROJECT_ROOT" && "$(project_python)" -m src.model_zoo.download "$1") >&2 || exit 1
        echo "$1"
    fi
}

# config_file PATH: as existing_file, but a path relative to the checkout is found from any folder.
config_file() {
    if [ ! -f "$(absolute_path "$1")" ] && [ -f "$PROJECT_ROOT/$1" ]; then
        echo "$PROJECT_ROOT/$1"
    else
        existing_file "configuration file" "$1"
    fi
}

# is_supported_python COMMAND: whether MindSpore has packages for this interpreter.
is_supported_python() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1
}

# find_python: prints an interpreter for a new virtual environment: $PYTHON, or the first supported one on the path.
find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        is_supported_python "$PYTHON" || fail "PYTHON=$PYTHON is not a working Python $SUPPORTED_PYTHON"
        echo "$PYTHON"
        return
    fi
    for candidate in python3.11 python3.12 python3.10 python3 python; do
        if is_supported_python "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python $SUPPORTED_PYTHON found, which MindSpore needs; install one or name it: PYTHON=/path/to/python"
}

# python_of FOLDER: prints the interpreter of a virtual environment.
python_of() {
    if [ -f "$1/Scripts/python.exe" ]; then
        echo "$1/Scripts/python.exe"
    else
        echo "$1/bin/python"
    fi
}

# project_python: prints the interpreter that runs the project: $PYTHON, an active virtual environment, the project's
# own .venv, or python3.
project_python() {
    if [ -n "${PYTHON:-}" ]; then
        echo "$PYTHON"
    elif [ -n "${VIRTUAL_ENV:-}" ]; then
        python_of "$VIRTUAL_ENV"
    elif [ -x "$(python_of "$PROJECT_ROOT/.venv")" ]; then
        python_of "$PROJECT_ROOT/.venv"
    else
        echo python3
    fi
}

# pip_install PIP_ARGUMENT...: installs into the environment of VENV_PYTHON; with LOCKED=1 the versions that the tests ran
# with.
pip_install() {
    local -a lock=()
    [ "${LOCKED:-0}" != 1 ] || lock=(--constraint "$PROJECT_ROOT/$LOCK_FILE")
    "$VENV_PYTHON" -m pip install --quiet --disable-pip-version-check "${lock[@]}" "$@" </dev/null
}

# prepare_environment FILE...: makes the virtual environment $VENV (default: .venv of the project) unless it exists,
# installs the requirement files unless their present content is installed already, and sets VENV_PYTHON.
prepare_environment() {
    local venv python stamp wanted file
    local -a options=() stamped=("$@")
    venv="$(absolute_path "${VENV:-$PROJECT_ROOT/.venv}")"
    if ! "$(python_of "$venv")" -m pip --version >/dev/null 2>&1; then
        python="$(find_python)"
        echo "Making the virtual environment $venv with $("$python" --version)"
        "$python" -m venv "$venv" </dev/null ||
            fail "no virtual environment can be made (on Debian and Ubuntu: apt-get install python3-venv)"
    fi
    VENV_PYTHON="$(python_of "$venv")"
    is_supported_python "$VENV_PYTHON" || fail "$VENV_PYTHON is not Python $SUPPORTED_PYTHON; delete $venv, or set VENV"
    for file in "$@"; do
        options+=(-r "$PROJECT_ROOT/$file")
    done
    # One stamp for each set of files: the tests need more than the quick start does.
    stamp="$venv/.installed-$(echo "$*" | tr ' /' '+_')"
    [ "${LOCKED:-0}" != 1 ] || stamped+=("$LOCK_FILE")
    wanted="$(cd "$PROJECT_ROOT" && cat "${stamped[@]}")"
    if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
        echo "Installing $* (the first time takes a few minutes)"
        pip_install "${options[@]}" || fail "the installation failed; the lines above say why"
        echo "$wanted" >"$stamp"
    fi
}

# parse_wait ARGUMENT...: sets ARGUMENTS to all but --wait, and WAIT to 1 where it is among them.
parse_wait() {
    local argument
    ARGUMENTS=()
    WAIT="${WAIT:-0}"
    for argument in "$@"; do
        if [ "$argument" = "--wait" ]; then
            WAIT=1
        else
            ARGUMENTS+=("$argument")
        fi
    done
}

# refuse_locked FOLDER NAME...: ends the script if a run holds the lock of one of these files in the folder.
refuse_locked() {
    local folder="$1" name status
    shift
    for name in "$@"; do
        [ -f "$folder/$name" ] || continue
        status=0
        flock --nonblock --conflict-exit-code 9 "$folder/$name" true || status=$?
        [ "$status" -ne 9 ] || fail "a run still writes to $folder; wait for its end, or stop it first"
    done
}

# refuse_running NAME...: ends the script if a run still writes to one of these folders of the checkout. It holds the
# lock of the script that started it, .running, or that of train.py.
refuse_running() {
    local name
    for name in "$@"; do
        refuse_locked "$PROJECT_ROOT/$name" .running output/.lock
    done
}

# numbered PATH NUMBER: prints the path with the number at the end of its name: LOG0-1, log-1.txt.
numbered() {
    case "${1##*/}" in
        *.*) echo "${1%.*}-$2.${1##*.}" ;;
        *) echo "$1-$2" ;;
    esac
}

# free_number PATH...: prints the first number with which none of the paths is there.
free_number() {
    local path number=1 is_free=
    until [ -n "$is_free" ]; do
        is_free=1
        for path in "$@"; do
            [ ! -e "$(numbered "$path" "$number")" ] || is_free=
        done
        [ -n "$is_free" ] || number=$((number + 1))
    done
    echo "$number"
}

# keep_earlier PATH...: renames what an earlier run left, all with one number.
keep_earlier() {
    local path kept number
    number="$(free_number "$@")"
    for path in "$@"; do
        if [ -e "$path" ]; then
            kept="$(numbered "$path" "$number")"
            mv -- "$path" "$kept"
            echo "The earlier ${path##*/} is now ${kept##*/}"
        fi
    done
}

# follow_into FOLDER NEW: changes the files that FLAGS name in a folder that will be renamed to NEW, and adds flags for the
# paths of the configuration that lie there.
follow_into() {
    local index path flag
    for index in "${!FLAGS[@]}"; do
        path="${FLAGS[index]#*=}"
        [ -f "$path" ] || continue
        path="$(realpath -- "$path")"
        [[ "$path" != "$1"/* ]] || FLAGS[index]="${FLAGS[index]%%=*}=$2${path#"$1"}"
    done
    for flag in "${CONFIG_FLAGS[@]}"; do
        path="${flag#*=}"
        [[ "$path/" != "$1"/* ]] || FLAGS+=("${flag%%=*}=$2${path#"$1"}")
    done
}

# new_log_folders NAME...: makes these folders of a run in the checkout, and locks them until its last process has ended.
# Those of an earlier run are renamed to NAME-1, or the next number, and FLAGS then name files in them by their new paths;
# with RESUME=1 they stay. To be called when all that can be checked before the run has been.
new_log_folders() {
    local folder number start lock
    local -a folders=("${@/#/$PROJECT_ROOT/}")
    exec {start}<"$PROJECT_ROOT"
    flock "$start" || true # another start waits; some file systems have no locks
    refuse_running "$@"
    if [ "${RESUME:-0}" != 1 ]; then
        number="$(free_number "${folders[@]}")"
        for folder in "${folders[@]}"; do
            [ ! -e "$folder" ] || follow_into "$(realpath -- "$folder")" "$folder-$number"
        done
        keep_earlier "${folders[@]}"
    fi
    for folder in "${folders[@]}"; do
        mkdir -p "$folder"
        exec {lock}>"$folder/.running"
        flock --nonblock "$lock" || true
    done
    exec {start}<&-
}

# device_flags: prints --device_target where DEVICE_TARGET is set.
device_flags() {
    if [ -n "${DEVICE_TARGET:-}" ]; then
        echo "--device_target=$DEVICE_TARGET"
    fi
}

# run_logged LOG COMMAND...: runs the command with its output in LOG. With WAIT=1 in the foreground, its output shown and
# its exit code passed on; otherwise in the background, where it outlives the shell. The log of an earlier run is kept
# under a number; with RESUME=1 it is appended to.
run_logged() {
    local log="$1" status=0
    shift
    if [ "${RESUME:-0}" != 1 ]; then
        keep_earlier "$log"
        : >"$log"
    fi
    if [ "$WAIT" = 1 ]; then
        "$@" </dev/null 2>&1 | tee -ai "$log" || status=$?
        [ "$status" -eq 0 ] || echo "error: ended with code $status; log: $log" >&2
        return "$status"
    fi
    nohup "$@" </dev/null >>"$log" 2>&1 &
    echo "Runs in the background as process $!; log: $log"
}

# device_number MEANING VALUE: ends the script unless the value is a whole number, since it becomes part of a folder's name.
device_number() {
    [[ "$2" =~ ^[0-9]+$ ]] || fail "$1 is '$2'; expected a number from 0 on"
}

# positive_number MEANING VALUE: ends the script unless the value is a positive whole number.
positive_number() {
    [[ "$2" =~ ^[1-9][0-9]*$ ]] || fail "$1 is '$2'; expected a number from 1 on"
}

# dataset_name NAME: ends the script with the usage unless this is a value of the key dataset.
dataset_name() {
    case "${1,,}" in
        auto | coco | voc | yolo | labelme | cvat | label_studio | other | shapes) ;;
        *) fail "DATASET is '$1'; expected coco, voc or other. Are the arguments in this order?
$USAGE" ;;
    esac
}

# check_flags PROGRAM FLAG...: ends the script with a message unless the flags and the configuration are valid, and sets
# CONFIG_FLAGS. Without MindSpore, which takes seconds to load.
check_flags() {
    local flags
    flags="$("$1" -c 'import os, sys
from src.config.path_flags import path_flags
from src.runtime.cli import entry_point
os.write(3, os.fsencode("\n".join(entry_point(path_flags)(sys.argv[1:]))))' "${@:2}" </dev/null 3>&1 >/dev/null)" || return
    mapfile -t CONFIG_FLAGS <<<"$flags"
}

# convert_dataset PROGRAM FLAG...: checks the dataset and writes the MindRecord files before the ranks occupy the devices;
# to be called after `check_flags`.
convert_dataset() {
    local program="$1"
    shift
    echo "Converting the dataset, unless it is converted already"
    "$program" train.py "$@" --only_create_dataset=True </dev/null
}

# set_up_launch RANKS: cores and log level of each of the ranks on this machine, unless the user has set them.
set_up_launch() {
    local cores
    cores="$(nproc 2>/dev/null || echo 1)"
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$((cores > $1 ? cores / $1 : 1))}"
    export GLOG_v="${GLOG_v:-3}" # errors only; lower levels report every connection
}

# pretrained_flags [FILE EPOCHS]: sets PRETRAINED to the flags of train.py for the checkpoint to begin with, if any, and
# with RESUME=1 to the flag that resumes the run of the log folder.
# shellcheck disable=SC2034  # the scripts use it
pretrained_flags() {
    local file
    PRETRAINED=()
    if [ $# -eq 2 ]; then
        file="$(checkpoint_file "$1")"
        PRETRAINED=("--pre_trained=$file" "--pre_trained_epoch_size=$2")
    fi
    if [ "${RESUME:-0}" = 1 ]; then
        PRETRAINED+=(--resume)
    fi
}
