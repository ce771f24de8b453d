#!/usr/bin/env bash
# Lists the published weights, or fetches some of them ahead into the cache folder, in the foreground.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/download_weights.sh [NAME...]
  NAME  weights to fetch; without any, the names that there are
Environment: SSD_WEIGHTS=FOLDER  where they are kept, by default mindspore-ssd in the user's cache folder"
case "${1:-}" in -*) usage_error "$USAGE" ;; esac

[ -z "${SSD_WEIGHTS:-}" ] || SSD_WEIGHTS="$(absolute_path "$SSD_WEIGHTS")"
export SSD_WEIGHTS="${SSD_WEIGHTS:-}"
PROGRAM="$(project_python)"
cd "$PROJECT_ROOT"
"$PROGRAM" -m src.model_zoo.download "$@"
