"""Time of a whole evaluation: data, network, post-processing and COCO metrics.

    python -m tests.benchmarks.evaluation [--record FILE] [--baseline FILE]
        [--config_path FILE --data_path FOLDER --checkpoint_file_path FILE ...]

Without a configuration, ssd300 with its first weights is evaluated on demo data that is drawn into a temporary folder.
"""
import statistics
import sys
import tempfile
import time
from pathlib import Path

from src.config import load_config
from src.dataset.shapes import draw_shapes_dataset
from src.evaluation.evaluator import Evaluation
from src.inference.network import NetworkPredictor, load_network
from src.runtime.device import set_up_device
from src.ssd import build_inference_net
from tests.benchmarks.table import parse_arguments, report

SHAPES_CONFIG = Path(__file__).resolve().parents[2] / "config" / "ssd300_shapes_config.yaml"
REPEATS = 3


class Timed:
    """A callable that sums up the time that it takes."""

    def __init__(self, function):
        self.function = function
        self.seconds = 0.0

    def __call__(self, *arguments):
        start = time.perf_counter()
        result = self.function(*arguments)
        self.seconds += time.perf_counter() - start
        return result


def measure(config, net):
    """Rows of the table; the first evaluation, which compiles the network, does not count."""
    evaluation = Evaluation(config)
    predict = NetworkPredictor(net)
    evaluation(predict)
    network, whole = [], []
    for _ in range(REPEATS):
        timed = Timed(predict)
        start = time.perf_counter()
        result = evaluation(timed)
        whole.append(time.perf_counter() - start)
        network.append(timed.seconds)
    print(f"{config.model_name}: {result.num_images} images, {result.num_detections} detections, mAP {result.map:.6f}")
    return {"network": statistics.median(network), "whole evaluation": statistics.median(whole),
            "besides the network": statistics.median(all_ - own for all_, own in zip(whole, network))}


def main(argv):
    options, flags = parse_arguments(__doc__, argv)
    if flags:
        config = load_config(["--device_target=CPU", *flags])
        set_up_device("CPU", cpu_threads=config.cpu_threads, seed=config.seed)
        rows = measure(config, load_network(config, config.checkpoint_file_path))
    else:
        with tempfile.TemporaryDirectory() as folder:
            draw_shapes_dataset(Path(folder) / "shapes", num_train=1, num_val=64)
            config = load_config([f"--config_path={SHAPES_CONFIG}", f"--data_path={folder}", "--min_score=0.01"])
            set_up_device("CPU")
            rows = measure(config, build_inference_net(config))
    report(rows, "seconds", options)


if __name__ == "__main__":
    main(sys.argv[1:])
