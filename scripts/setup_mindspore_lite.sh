#!/usr/bin/env bash
# Fetches MindSpore Lite's PyPI package, which holds a complete C++ kit for x86-64 CPUs, into a cache.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/lite_common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lite_common.sh"

USAGE="Usage: bash scripts/setup_mindspore_lite.sh
Prints the folder of MindSpore Lite $LITE_VERSION; the other scripts find it there by themselves.
Environment: XDG_CACHE_HOME=FOLDER  where caches are kept, default ~/.cache"
[ $# -eq 0 ] || usage_error "$USAGE"

HOME_FOLDER="$(lite_cache)"
if ! is_lite_home "$HOME_FOLDER"; then
    mkdir -p "$(dirname "$HOME_FOLDER")"
    PART="$(mktemp -d "$(dirname "$HOME_FOLDER")/.part-XXXXXX")"
    trap 'rm -rf "$PART"' EXIT
    echo "Fetching MindSpore Lite $LITE_VERSION (170 MB)" >&2
    PROGRAM="$(project_python)"
    # The package is for Python 3.7, but only its headers and libraries are of interest.
    "$PROGRAM" -m pip download --quiet --disable-pip-version-check "mindspore-lite==$LITE_VERSION" --no-deps \
        --only-binary=:all: --python-version 3.7 --dest "$PART/package" </dev/null >&2 ||
        fail "MindSpore Lite $LITE_VERSION cannot be fetched; the lines above say why"
    "$PROGRAM" -m zipfile -e "$PART"/package/*.whl "$PART/kit"
    is_lite_home "$PART/kit" || fail "the package of MindSpore Lite $LITE_VERSION holds no such kit"
    rm -rf "$HOME_FOLDER"
    mv "$PART/kit" "$HOME_FOLDER"
fi
echo "$HOME_FOLDER"
