"""Evaluates an ONNX file: `python eval_onnx.py --config_path FILE --file_name MODEL.onnx --device_target CPU|GPU`."""
import logging

from src.config import load_config
from src.evaluation import format_result, write_results
from src.evaluation.evaluator import create_evaluation
from src.evaluation.report import create_report
from src.inference.benchmark import create_benchmark, format_speeds
from src.inference.load import create_onnx_model
from src.runtime.cli import entry_point

logger = logging.getLogger("eval_onnx")


@entry_point
def main(argv=None):
    config = load_config(argv)
    predict = create_onnx_model(config)
    if config.benchmark:
        speeds = create_benchmark(config, lambda threads: create_onnx_model(config, threads=threads))
        logger.info("%s", format_speeds(speeds))
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
