#!/usr/bin/env bash
# Downloads MindSpore Lite's PyPI package, which has a complete C++ kit for x86-64 CPUs, into a cache.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/lite_common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lite_common.sh"

USAGE="Usage: bash scripts/setup_mindspore_lite.sh
Prints the folder of MindSpore Lite $LITE_VERSION, where the other scripts look for it.
Environment: XDG_CACHE_HOME=FOLDER  folder of caches, default ~/.cache"
[ $# -eq 0 ] || usage_error "$USAGE"

HOME_FOLDER="$(lite_cache)"
if ! is_lite_home "$HOME_FOLDER"; then
    mkdir -p "$(dirname "$HOME_FOLDER")"
    PART="$(mktemp -d "$(dirname "$HOME_FOLDER")/.part-XXXXXX")"
    trap 'rm -rf "$PART"' EXIT
    echo "Downloading MindSpore Lite $LITE_VERSION (170 MB)" >&2
    PROGRAM="$(project_python)"
    # The package is for Python 3.7, but only its headers and libraries are used.
    "$PROGRAM" -m pip download --quiet --disable-pip-version-check "mindspore-lite==$LITE_VERSION" --no-deps \
        --only-binary=:all: --python-version 3.7 --dest "$PART/package" </dev/null >&2 ||
        fail "MindSpore Lite $LITE_VERSION cannot be downloaded; the lines above say why"
    "$PROGRAM" -m zipfile -e "$PART"/package/*.whl "$PART/kit"
    is_lite_home "$PART/kit" || fail "the package of MindSpore Lite $LITE_VERSION has no C++ kit"
    rm -rf "$HOME_FOLDER"
    mv "$PART/kit" "$HOME_FOLDER"
fi
echo "$HOME_FOLDER"
