"""Evaluates a checkpoint: `python eval.py --config_path config/ssd300_config.yaml --checkpoint_file_path FILE`."""
import logging

from src.eval_utils import format_result, write_results
from src.evaluation import create_evaluation
from src.model_utils.config import load_config
from src.model_utils.device_adapter import set_up_device
from src.model_utils.entry import entry_point
from src.predictors import network_predictor
from src.ssd import build_inference_net, find_checkpoint, load_weights

logger = logging.getLogger("eval")


@entry_point
def main(argv=None):
    config = load_config(argv)
    set_up_device(config.device_target, config.device_id, config.cpu_threads, config.seed)
    net = build_inference_net(config)
    load_weights(net, find_checkpoint(config.checkpoint_file_path, config.checkpoint_path))
    evaluation = create_evaluation(config)

    result = evaluation(network_predictor(net))

    files = write_results(result, config.output_path)
    logger.info("results: %s, %s", *files)
    logger.info("%s", format_result(result))


if __name__ == "__main__":
    main()
