#!/usr/bin/env bash
# Sets up a virtual environment, checks the sources with ruff and shellcheck, and runs the tests.
#
#   bash scripts/run_tests.sh [PYTEST_OPTION...]
#
# VENV=FOLDER uses another virtual environment than .venv, PYTHON=COMMAND makes it with that interpreter.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

install_shellcheck() {
    if ! command -v shellcheck >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "Installing shellcheck"
        { apt-get update && apt-get install --yes --no-install-recommends shellcheck; } </dev/null >/dev/null 2>&1 || true
    fi
}

prepare_environment requirements.txt tests/requirements.txt
install_shellcheck
cd "$PROJECT_ROOT"

status=0
echo "ruff"
"$VENV_PYTHON" -m ruff check . || status=1
if command -v shellcheck >/dev/null; then
    echo "shellcheck"
    shellcheck --external-sources scripts/*.sh .ci/run || status=1
else
    echo "shellcheck is not installed: the shell scripts are not checked"
fi
echo "pytest"
"$VENV_PYTHON" -m pytest -q "$@" </dev/null || status=1
exit "$status"
