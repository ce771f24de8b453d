"""Evaluates a checkpoint or a MindIR file: `python eval.py --config_path FILE --checkpoint_file_path FILE`."""
import logging

from src.config import load_config
from src.evaluation import format_result, write_results
from src.evaluation.evaluator import create_evaluation
from src.evaluation.report import create_report
from src.inference.benchmark import create_benchmark, format_speeds
from src.inference.load import create_predictor
from src.runtime.cli import entry_point
from src.runtime.modelarts import cloud_copy

logger = logging.getLogger("eval")


@entry_point
def main(argv=None):
    config = load_config(argv)
    with cloud_copy(config):
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
