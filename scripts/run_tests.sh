#!/usr/bin/env bash
# Sets up a virtual environment, checks the sources with ruff, mypy and shellcheck, and runs the tests.
#
#   bash scripts/run_tests.sh [PYTEST_OPTION...]
#
# VENV=FOLDER uses another virtual environment than .venv, PYTHON=COMMAND makes it with that interpreter, WORKERS=NUMBER
# runs that many tests at a time instead of 2; each needs up to 10 GB of memory.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# install_tool PACKAGE COMMAND: installs it as root with apt-get; checks whose tool is missing are skipped.
install_tool() {
    if ! command -v "$2" >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "Installing $1"
        { apt-get update && apt-get install --yes --no-install-recommends "$1"; } </dev/null >/dev/null 2>&1 || true
    fi
}

# prepare_cpp: installs what the tests of the C++ program need, as root with apt-get; without it they are skipped.
prepare_cpp() {
    local -a packages=(cmake g++ make libopencv-imgproc-dev libopencv-imgcodecs-dev nlohmann-json3-dev libgtest-dev)
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] && ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
        echo "Installing ${packages[*]}"
        { apt-get update && apt-get install --yes --no-install-recommends "${packages[@]}"; } </dev/null >/dev/null 2>&1 ||
            echo "not all of these packages can be installed"
    fi
    [ -n "${MS_LITE_HOME:-}" ] || PYTHON="$VENV_PYTHON" bash "$PROJECT_ROOT/scripts/setup_mindspore_lite.sh" ||
        echo "MindSpore Lite is not available: the C++ program is not tested end to end"
}

prepare_environment requirements.txt tests/requirements.txt
install_tool shellcheck shellcheck
install_tool openmpi-bin mpirun
install_tool chromium chromium
install_tool chromium-driver chromedriver
prepare_cpp
cd "$PROJECT_ROOT"

status=0
echo "ruff"
"$VENV_PYTHON" -m ruff check . || status=1
echo "mypy"
"$VENV_PYTHON" -m mypy || status=1
if command -v shellcheck >/dev/null; then
    echo "shellcheck"
    shellcheck --external-sources scripts/*.sh .ci/run || status=1
else
    echo "shellcheck is not installed: the shell scripts are not checked"
fi
echo "pytest"
"$VENV_PYTHON" -m pytest -q --numprocesses="${WORKERS:-2}" --dist=loadfile \
    --no-loadscope-reorder "$@" </dev/null || status=1
exit "$status"
