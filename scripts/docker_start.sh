#!/usr/bin/env bash
# Starts a container with the devices of this machine; this checkout, the data and the models have the same paths in it.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

USAGE="Usage: bash scripts/docker_start.sh IMAGE DATA_DIR MODEL_DIR [COMMAND...]
  IMAGE      image, such as ssd, built by: docker build -t ssd .
  DATA_DIR   folder of the datasets
  MODEL_DIR  folder of the checkpoints
  COMMAND    what to run; default: an interactive shell
Environment: DEVICE_TARGET=Ascend|GPU|CPU (default Ascend) chooses the devices that the container gets"
[ $# -ge 3 ] || usage_error "$USAGE"

# existing_folder MEANING PATH: prints the absolute path of a folder that must exist.
existing_folder() {
    local path
    path="$(absolute_path "$2")"
    [ -d "$path" ] || fail "$1 $path is not a folder"
    (cd "$path" && pwd)
}

IMAGE="$1"
DATA_DIR="$(existing_folder DATA_DIR "$2")"
MODEL_DIR="$(existing_folder MODEL_DIR "$3")"
shift 3
command -v docker >/dev/null || fail "docker is not installed; see https://docs.docker.com/engine/install"

OPTIONS=(--rm --interactive --ipc=host --network=host --workdir "$PROJECT_ROOT")
[ ! -t 0 ] || OPTIONS+=(--tty)
for folder in "$PROJECT_ROOT" "$DATA_DIR" "$MODEL_DIR"; do
    OPTIONS+=(--volume "$folder:$folder")
done
case "${DEVICE_TARGET:-Ascend}" in
    CPU) ;;
    GPU) OPTIONS+=(--gpus all) ;;
    Ascend)
        shopt -s nullglob
        DEVICES=(/dev/davinci[0-9]*)
        [ "${#DEVICES[@]}" -gt 0 ] || fail "there is no Ascend device (/dev/davinci0); set DEVICE_TARGET=GPU or CPU"
        for device in "${DEVICES[@]}" /dev/davinci_manager /dev/devmm_svm /dev/hisi_hdc; do
            [ ! -e "$device" ] || OPTIONS+=(--device "$device")
        done
        for path in /usr/local/Ascend/driver /usr/local/Ascend/add-ons /usr/local/dcmi /usr/local/bin/npu-smi \
            /etc/ascend_install.info /var/log/npu; do
            [ ! -e "$path" ] || OPTIONS+=(--volume "$path:$path")
        done
        ;;
    *) fail "DEVICE_TARGET is '$DEVICE_TARGET'; expected Ascend, GPU or CPU" ;;
esac
[ $# -gt 0 ] || set -- bash
exec docker run "${OPTIONS[@]}" "$IMAGE" "$@"
