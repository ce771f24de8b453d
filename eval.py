"""Evaluates a checkpoint or a MindIR file: `python eval.py --config_path FILE --checkpoint_file_path FILE`."""
import logging
from collections.abc import Sequence

from src.config import load_config
from src.inference import load_predictor
from src.inference.evaluate_model import evaluate_model
from src.model_zoo import find_weights, with_config_of_weights
from src.runtime.cli import entry_point
from src.runtime.modelarts import cloud_copy

logger = logging.getLogger("eval")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(with_config_of_weights(argv))
    with cloud_copy(config):
        path = find_weights(config.checkpoint_file_path, config.checkpoint_path)
        result = evaluate_model(config, load_predictor(path, config))
    logger.info("%s", result)


if __name__ == "__main__":
    main()
