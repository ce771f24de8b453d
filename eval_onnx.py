"""Evaluates an ONNX file: `python eval_onnx.py --config_path FILE --file_name MODEL.onnx --device_target CPU|GPU`."""
import logging

from src.eval_utils import format_result, write_results
from src.evaluation import create_evaluation
from src.model_utils.config import load_config
from src.model_utils.entry import entry_point
from src.predictors import onnx_predictor

logger = logging.getLogger("eval_onnx")


@entry_point
def main(argv=None):
    config = load_config(argv)
    predict = onnx_predictor(config.file_name, config.device_target)
    evaluation = create_evaluation(config)

    result = evaluation(predict)

    files = write_results(result, config.output_path)
    logger.info("results: %s, %s", *files)
    logger.info("%s", format_result(result))


if __name__ == "__main__":
    main()
