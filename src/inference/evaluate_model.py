"""What `eval.py` and `eval_onnx.py` do with a model: its quality on the evaluation data, or its speed."""
import dataclasses
import logging

from src.boxes import build_nms_config
from src.config import Config
from src.evaluation import format_result, write_results
from src.evaluation.evaluator import Evaluation
from src.evaluation.predictions import SelectedPredictions
from src.evaluation.report import save_report
from src.evaluation.results import require_result_places
from src.inference.detector import Detector
from src.inference.latency import format_latencies, measure_latencies
from src.inference.metadata import create_metadata
from src.inference.predictor import Predictor
from src.inference.tiles import build_tile_settings

logger = logging.getLogger(__name__)


def evaluate_model(config: Config, predictor: Predictor) -> str:
    """Evaluates a model as the configuration says, and writes results and report; with `benchmark`, measures it.

    Returns:
        What is to be told, as text: the metrics, or the latencies.
    """
    if config.benchmark:
        return format_latencies(measure_latencies(config, predictor))
    require_result_places(config.output_path)
    nms = build_nms_config(config)
    lowest = dataclasses.replace(nms, min_score=min(nms.min_score, config.coco_min_score))
    evaluation = Evaluation(config)
    tiles = build_tile_settings(config)
    if tiles:
        detector = Detector(predictor, create_metadata(config, precision=""), lowest.min_score, tiles=tiles)
        done = dataclasses.replace(lowest, nms_threshold=0, max_boxes=0)  # NMS is, whatever the metrics ask for
        result = evaluation.each_image(lambda image: SelectedPredictions(*detector.detect([image])[0], done))
        result.settings["tiles"] = dataclasses.asdict(tiles)
    else:
        predictor.warn_of_stricter_nms(lowest)
        result = evaluation(predictor, batch_size=predictor.input_shape[0])  # that of a file is fixed
    if predictor.thresholds:
        result = dataclasses.replace(result, model_score=predictor.thresholds.best_score)
    logger.info("results: %s, %s", *write_results(result, config.output_path))
    if config.report:
        logger.info("report: %s", save_report(config, result))
    return format_result(result)
