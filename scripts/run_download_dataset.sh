#!/usr/bin/env bash
# Downloads COCO 2017 or draws the demo data, in the foreground; also writes download_dataset_log.txt in the checkout.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/run_download_dataset.sh DATASET CONFIG_PATH
  DATASET      coco (COCO 2017, to coco_root of the configuration) or shapes (demo data, to shapes), below data_path
  CONFIG_PATH  configuration file, such as config/ssd300_config.yaml"
[ $# -eq 2 ] || usage_error "$USAGE"

dataset_name "$1"
CONFIG="$(config_file "$2")"
PROGRAM="$(project_python)"
cd "$PROJECT_ROOT"
keep_earlier download_dataset_log.txt
"$PROGRAM" download_dataset.py --dataset="$1" --config_path="$CONFIG" </dev/null 2>&1 | tee download_dataset_log.txt
