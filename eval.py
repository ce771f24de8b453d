"""Evaluates a checkpoint: `python eval.py --config_path config/ssd300_config.yaml --checkpoint_file_path FILE`."""
import logging

from src.eval_utils import format_result, write_results
from src.evaluation import create_evaluation
from src.inference import create_loaded_net
from src.model_utils.config import load_config
from src.model_utils.entry import entry_point
from src.predictors import network_predictor

logger = logging.getLogger("eval")


@entry_point
def main(argv=None):
    config = load_config(argv)
    net = create_loaded_net(config)
    evaluation = create_evaluation(config)

    result = evaluation(network_predictor(net))

    files = write_results(result, config.output_path)
    logger.info("results: %s, %s", *files)
    logger.info("%s", format_result(result))


if __name__ == "__main__":
    main()
