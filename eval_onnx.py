"""Evaluates an ONNX file: `python eval_onnx.py --config_path FILE --file_name MODEL.onnx --device_target CPU|GPU`."""
import logging
from collections.abc import Sequence

from src.config import load_config
from src.inference import load_predictor
from src.inference.evaluate_model import evaluate_model
from src.model_zoo import published_config
from src.runtime.cli import entry_point
from src.utils.errors import UserError

logger = logging.getLogger("eval_onnx")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(argv)
    if published_config(config.file_name):
        raise UserError(f"file_name: the published weights {config.file_name} are a checkpoint; make an ONNX file of "
                        f"them first: python export.py --checkpoint_file_path={config.file_name} --file_format=ONNX")
    logger.info("%s", evaluate_model(config, load_predictor(config.file_name, config, suffix=".onnx")))


if __name__ == "__main__":
    main()
