# An image with all packages of the project, in which scripts/run_tests.sh passes. On a CPU:
#
#   docker build -t ssd .
#
# For an Ascend or GPU machine, name an image of Debian or Ubuntu with the libraries of the driver, and with MindSpore for that
# device or with Python 3.10 to 3.12:
#
#   docker build -t ssd --build-arg FROM_IMAGE_NAME=IMAGE .
ARG FROM_IMAGE_NAME=python:3.11-slim-bookworm
FROM ${FROM_IMAGE_NAME}

# libgl1 and libglib2.0-0: OpenCV. g++: CPU kernels, compiled at first use. openmpi-bin: run_distribute_train_gpu.sh.
# iproute2: msrun reads the addresses of the machine. Images of Ubuntu lack the module venv.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        bash g++ iproute2 libgl1 libglib2.0-0 openmpi-bin procps shellcheck \
    && if ! python3 -c 'import ensurepip' 2>/dev/null; then \
        apt-get install --yes --no-install-recommends python3-venv; \
    fi \
    && rm -rf /var/lib/apt/lists/*

# The packages first, so that a change of the sources does not install them again. The environment sees the packages of
# the image: a MindSpore of the image is used if its version fits.
ENV VENV=/opt/venv
ENV VIRTUAL_ENV=${VENV} PATH=${VENV}/bin:${PATH}
WORKDIR /workspace/ssd
COPY requirements.txt ./
COPY tests/requirements.txt tests/
COPY scripts/common.sh scripts/
RUN python3 -m venv --system-site-packages ${VENV} \
    && bash -c 'set -euo pipefail; source scripts/common.sh; prepare_environment requirements.txt tests/requirements.txt' \
    && bash -c 'set -euo pipefail; source scripts/common.sh; prepare_environment requirements.txt' \
    && rm -rf /root/.cache

COPY . .
CMD ["bash"]
