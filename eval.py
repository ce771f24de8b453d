"""Evaluates a checkpoint or a MindIR file: `python eval.py --config_path FILE --checkpoint_file_path FILE`."""
import logging

from src.benchmark import create_benchmark, format_speeds
from src.eval_utils import format_result, write_results
from src.evaluation import create_evaluation
from src.inference import create_predictor
from src.model_utils.config import load_config
from src.model_utils.entry import entry_point
from src.model_utils.moxing_adapter import create_cloud_copy
from src.report import create_report

logger = logging.getLogger("eval")


@entry_point
def main(argv=None):
    config = load_config(argv)
    with create_cloud_copy(config):
        predict = create_predictor(config)
        if config.benchmark:
            logger.info("%s", format_speeds(create_benchmark(config, lambda _: predict)))
            return
        evaluation = create_evaluation(config)

        result = evaluation(predict)

        files = write_results(result, config.output_path)
        logger.info("results: %s, %s", *files)
        if config.report:
            logger.info("report: %s", create_report(config, result))
    logger.info("%s", format_result(result))


if __name__ == "__main__":
    main()
