#!/usr/bin/env bash
# Sets up a virtual environment, checks the sources with ruff, mypy and shellcheck, and runs the tests.
#
#   bash scripts/run_tests.sh [PYTEST_OPTION...]
#
# VENV=FOLDER uses another virtual environment than .venv, PYTHON=COMMAND makes it with that interpreter, LOCKED=1
# installs the versions of requirements.lock (Python 3.11), WORKERS=NUMBER runs that many tests at a time instead of 2;
# each needs up to 10 GB of memory.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# What tests need beside Python packages; checks and tests whose tool is missing are skipped.
TOOLS=(shellcheck openmpi-bin chromium chromium-driver libjemalloc2
    cmake g++ make libopencv-imgproc-dev libopencv-imgcodecs-dev nlohmann-json3-dev libgtest-dev)

# install_tools: installs them, as root with apt-get.
install_tools() {
    local tool
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] && ! dpkg -s "${TOOLS[@]}" >/dev/null 2>&1; then
        echo "Installing ${TOOLS[*]}"
        {
            apt-get update
            apt-get install --yes --no-install-recommends "${TOOLS[@]}" || for tool in "${TOOLS[@]}"; do
                apt-get install --yes --no-install-recommends "$tool" || true
            done
        } </dev/null >/dev/null 2>&1 || echo "not all of these packages can be installed"
    fi
}

# install_sahi: what tiles are compared with. It asks for a newer OpenCV than NumPy 1 allows, and what is used needs none.
install_sahi() {
    "$VENV_PYTHON" -c "import sahi" 2>/dev/null ||
        "$VENV_PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps "sahi>=0.12.8" </dev/null ||
        echo "sahi cannot be installed: tiles are not compared with it"
}

# prepare_lite: MindSpore Lite, for the tests of the C++ program.
prepare_lite() {
    [ -n "${MS_LITE_HOME:-}" ] || PYTHON="$VENV_PYTHON" bash "$PROJECT_ROOT/scripts/setup_mindspore_lite.sh" ||
        echo "MindSpore Lite is not available: the C++ program is not tested end to end"
}

# faster_malloc: prints the path of jemalloc, with which graphs are compiled in a fifth less time, or nothing.
faster_malloc() {
    if command -v ldconfig >/dev/null; then
        ldconfig -p | awk '$1 == "libjemalloc.so.2" { print $NF; exit }'
    fi
}

prepare_environment requirements.txt tests/requirements.txt
install_sahi
install_tools
prepare_lite
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
LD_PRELOAD="$(faster_malloc)" "$VENV_PYTHON" -m pytest -q --numprocesses="${WORKERS:-2}" --dist=loadfile \
    --no-loadscope-reorder "$@" </dev/null || status=1
exit "$status"
