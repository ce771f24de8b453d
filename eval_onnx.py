"""Evaluates an ONNX file: `python eval_onnx.py --config_path FILE --file_name MODEL.onnx --device_target CPU|GPU`."""
import logging
from collections.abc import Sequence

from src.config import load_config
from src.inference import load_predictor
from src.inference.evaluate_model import evaluate_model
from src.runtime.cli import entry_point

logger = logging.getLogger("eval_onnx")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(argv)
    logger.info("%s", evaluate_model(config, load_predictor(config.file_name, config, suffix=".onnx")))


if __name__ == "__main__":
    main()
