"""Evaluates an ONNX file of ssd_mobilenet_v1_fpn; as eval_onnx.py, and says what the model ran on."""
import logging
import sys
from collections.abc import Sequence

import eval_onnx
from src.config import load_config
from src.inference.onnx_runtime import ONNX_PROVIDERS
from src.runtime.cli import entry_point

CONFIG = "config/ssd_mobilenet_v1_fpn_ONNX_config.yaml"  # unless the arguments name another

logger = logging.getLogger("infer")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    arguments = [f"--config_path={CONFIG}", *(sys.argv[1:] if argv is None else argv)]
    config = load_config(arguments)
    logger.info("batch size %d, provider %s", config.batch_size, ONNX_PROVIDERS.get(config.device_target, "none"))
    eval_onnx.main(arguments)


if __name__ == "__main__":
    main()
