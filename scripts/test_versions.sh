#!/usr/bin/env bash
# Runs a fast set of tests with several releases of MindSpore, one after the other, each in an environment of its own (4
# GB), which is removed afterwards if this call has made it. Each release also reads what the one before it wrote, and the
# other way round.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

RELEASES=(2.7.1 2.7.2 2.8.0 2.9.0 2.10.0)
USAGE="Usage: bash scripts/test_versions.sh [VERSION...]
  VERSION  releases of MindSpore, from old to new (default ${RELEASES[*]})
Environment: PYTHON=COMMAND      interpreter (Python $SUPPORTED_PYTHON) for the environments
             SSD_GOLDEN=FOLDER   golden data of all five models; without it those of ssd300 are compared
             SLOW=1              also the gradients of the feature pyramids, which take as long as all the rest
             VERSIONS=FOLDER     for environments and logs (default: a temporary folder); an environment that is
                                 there is used"
CHOSEN=(-m "not slow")
[ "${SLOW:-0}" != 1 ] || CHOSEN=()
# Column of the table, and the tests that fill it.
STEPS=(
    "imports|tests/runtime/test_releases.py"
    "golden data|tests/ssd/test_parity.py"
    "kernels|tests/cpu_kernels/test_kernels.py"
    "run, export|tests/test_releases.py"
    "two ranks|tests/training/test_data_parallel.py"
)
READING=tests/test_release_exchange.py

[[ "${1:-}" != -* ]] || usage_error "$USAGE"
[ $# -eq 0 ] || RELEASES=("$@")
VERSIONS="$(absolute_path "${VERSIONS:-$(mktemp -d)}")"
export SSD_EXCHANGE="$VERSIONS/exchange"
mkdir -p "$VERSIONS/logs" "$SSD_EXCHANGE"
cd "$PROJECT_ROOT"
declare -A CELLS=() MADE=()
STATUS=0

# make_environment VERSION: a virtual environment with that release and what the tests need.
make_environment() {
    local venv="$VERSIONS/$1"
    [ ! -d "$venv" ] || return 0
    echo "== MindSpore $1: making $venv"
    MADE["$1"]=1
    "$(find_python)" -m venv "$venv" </dev/null || fail "no virtual environment can be made"
    VENV_PYTHON="$(python_of "$venv")"
    LOCKED=0 pip_install --requirement requirements.txt --constraint tests/requirements.txt "mindspore==$1" pytest \
        >"$VERSIONS/logs/$1-pip.txt" 2>&1 ||
        fail "MindSpore $1 cannot be installed; see $VERSIONS/logs/$1-pip.txt"
}

# remove_environment VERSION: unless it was there before.
remove_environment() {
    [ -z "${MADE["$1"]:-}" ] || rm -rf "${VERSIONS:?}/$1"
}

# run_step VERSION COLUMN PYTEST_ARGUMENT...: the result is the cell of the table.
run_step() {
    local release="$1" column="$2" log status=0
    shift 2
    log="$VERSIONS/logs/$release-${column//[^a-z0-9.]/_}.txt"
    echo "== MindSpore $release: $column"
    "$(python_of "$VERSIONS/$release")" -m pytest -q "${CHOSEN[@]}" "$@" </dev/null >"$log" 2>&1 || status=$?
    CELLS["$release|$column"]="$(tail -n 1 "$log" | sed -E 's/ in [0-9.]+s.*//; s/, [0-9]+ deselected//')"
    echo "${CELLS["$release|$column"]}"
    if [ "$status" -ne 0 ]; then
        STATUS=1
        tail -n 60 "$log"
    fi
}

# print_table: one row for each release.
print_table() {
    local release step row="| MindSpore |" line="|---|"
    for step in "${STEPS[@]}"; do
        row+=" ${step%%|*} |"
        line+="---|"
    done
    echo "$row reads the release before | reads the one after |"
    echo "$line---|---|"
    for release in "${RELEASES[@]}"; do
        row="| $release |"
        for step in "${STEPS[@]}"; do
            row+=" ${CELLS["$release|${step%%|*}"]} |"
        done
        echo "$row ${CELLS["$release|before"]:-} | ${CELLS["$release|after"]:-} |"
    done
}

before=""
for release in "${RELEASES[@]}"; do
    make_environment "$release"
    for step in "${STEPS[@]}"; do
        run_step "$release" "${step%%|*}" "${step#*|}"
    done
    if [ -n "$before" ]; then
        SSD_READ="$before" run_step "$release" before "$READING"
        SSD_READ="$release" run_step "$before" after "$READING"
        remove_environment "$before"
    fi
    before="$release"
done
remove_environment "$before"
rm -rf "$SSD_EXCHANGE"
echo
print_table
echo
echo "Logs: $VERSIONS/logs"
exit "$STATUS"
