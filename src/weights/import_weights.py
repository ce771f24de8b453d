"""Published weights of other libraries to a checkpoint: `python -m src.weights.import_weights FILE --from LIBRARY`.

A detector's weights become a checkpoint for `eval.py`, `export.py`, `predict.py` and `--pre_trained`, those of an
ImageNet classifier one for `--feature_extractor_base_param`. Files are `.pth`, `.safetensors` or `.tflite`, of MindCV
`.ckpt`; their code is not run.
"""
import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from src.config import load_config
from src.model_zoo.table import imported_path
from src.runtime.cli import entry_point
from src.ssd import build_inference_net, get_model
from src.ssd.registry import Model
from src.utils.errors import UserError
from src.weights import load_backbone, mindcv, tensorflow
from src.weights.checkpoint_file import check_finite, read_checkpoint, save_checkpoint
from src.weights.external_file import WeightFile, read_weight_file
from src.weights.parameter_names import is_training_state, shown_names
from src.weights.pretrained_backbone import with_mindspore_names
from src.weights.torchvision_mmdet import LIBRARIES, MODEL, convert_detector, is_detector

logger = logging.getLogger("import_weights")
TENSORFLOW, MINDCV = "tensorflow", "mindcv"
PREFIX = "network."  # of all parameters in a checkpoint
# The last layers of classifiers, for which no detector has a place.
CLASSIFIER_LAYERS = ("classifier.", "fc.")


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="import_weights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="published weights, .pth, .safetensors, .tflite or .ckpt")
    parser.add_argument("--from", dest="library", required=True, choices=(*LIBRARIES, TENSORFLOW, MINDCV),
                        help="library that published the weights")
    parser.add_argument("--config", metavar="FILE", default="", help="configuration of the detector that takes the "
                        "weights; default for a detector's weights: that of the library")
    parser.add_argument("--output", metavar="FILE", type=Path, help="checkpoint to write; default: FILE with .ckpt, "
                        "or .imported.ckpt where it has that")
    return parser.parse_args(argv)


def detector_parameters(weights: WeightFile, library: str, net: nn.Cell, num_classes: int,
                        path: Path) -> dict[str, np.ndarray]:
    """Arrays of all parameters of `net` by name, from the weights of a library's detector."""
    version = str(weights.meta.get("mmdet_version", ""))
    if version.startswith(("0.", "1.")):
        raise UserError(
            f"{path} was written by mmdetection {version}, whose boxes are one pixel larger and whose classes are in "
            "another order; convert it to version 2 with its tools/model_converters/upgrade_model_version.py first"
        )
    shapes = {parameter.name[len(PREFIX) :]: tuple(parameter.shape) for parameter in net.get_parameters()}
    values = convert_detector(weights.tensors, LIBRARIES[library], shapes, num_classes, path)
    return {PREFIX + name: values[name] for name in shapes}


def backbone_parameters(weights: WeightFile, net: nn.Cell, model: Model, path: Path) -> dict[str, np.ndarray]:
    """Arrays of a classifier by MindSpore's names, without its last layers.

    Raises:
        UserError: they do not fit the backbone of `net`.
    """
    load_backbone(net, path, model.backbone_path)
    values = with_mindspore_names(weights.tensors)
    left_out = {name for name in values if name.startswith(CLASSIFIER_LAYERS)}
    counters = len(weights.tensors) - len(values)
    logger.info("left out: %s; %d counters of steps", shown_names(left_out) or "nothing", counters)
    return {name: value for name, value in values.items() if name not in left_out}


def mindcv_parameters(tensors: Mapping[str, np.ndarray], net: nn.Cell, model: str, num_classes: int,
                      path: Path) -> dict[str, np.ndarray]:
    """Arrays of all parameters of `net` by name, from those of an SSD of MindCV."""
    shapes = {parameter.name[len(PREFIX) :]: tuple(parameter.shape) for parameter in net.get_parameters()}
    eps = {name: cell.eps for name, cell in net.network.cells_and_names() if isinstance(cell, nn.BatchNorm2d)}
    values = mindcv.convert_mindcv(tensors, shapes, eps, model, num_classes, path)
    return {PREFIX + name: values[name] for name in shapes}


def import_tensorflow(arguments: argparse.Namespace) -> dict[str, np.ndarray]:
    """Arrays of all parameters of `ssd_mobilenet_v2` by name, from a `.tflite` file."""
    config_path = arguments.config or Path("config", tensorflow.CONFIG_FILE)
    config = load_config([f"--config_path={config_path}"])
    if config.model_name != tensorflow.MODEL:
        raise UserError(f"{arguments.file}: the SSD of TensorFlow fits {tensorflow.MODEL} only; the configuration "
                        f"{config_path} names {config.model_name}")
    net = build_inference_net(config)
    values = tensorflow.convert_tensorflow(arguments.file, net.network, config.img_shape)
    logger.info("%s: all of its tensors have a place", arguments.file)
    return values


def import_mindcv(arguments: argparse.Namespace) -> dict[str, np.ndarray]:
    """Arrays of all parameters of `ssd_mindcv` or `ssd_mindcv_fpn` by name, from a checkpoint of MindCV's SSD."""
    tensors = {name: value.asnumpy() for name, value in read_checkpoint(arguments.file).items()
               if not is_training_state(name)}
    fitting = Path("config", mindcv.config_file(tensors, arguments.file))
    config_path = arguments.config or fitting
    config, model = load_config([f"--config_path={config_path}"]), load_config([f"--config_path={fitting}"]).model_name
    if config.model_name != model:
        raise UserError(f"{arguments.file} holds a detector that fits {model} only; the configuration {config_path} "
                        f"names {config.model_name}")
    values = mindcv_parameters(tensors, build_inference_net(config), model, config.num_classes, arguments.file)
    logger.info("%s: all of its %d parameters have a place", arguments.file, len(tensors))
    return values


def import_library(arguments: argparse.Namespace) -> dict[str, np.ndarray]:
    """Arrays by name, from a file of torchvision or mmdetection: of a detector, or of a classifier."""
    weights = read_weight_file(arguments.file)
    for_detector = is_detector(weights.tensors)
    if not for_detector and not arguments.config:
        raise UserError(f"{arguments.file} holds a classifier; name the detector whose backbone it is for, such as "
                        "--config config/ssd_resnet50_fpn_config.yaml")
    config_path = arguments.config or Path("config", LIBRARIES[arguments.library].config_file)
    config = load_config([f"--config_path={config_path}"])
    if for_detector and config.model_name != MODEL:
        raise UserError(f"{arguments.file} holds a detector, which fits {MODEL} only; the configuration names "
                        f"{config.model_name}")
    net = build_inference_net(config)
    if for_detector:
        values = detector_parameters(weights, arguments.library, net, config.num_classes, arguments.file)
    else:
        values = backbone_parameters(weights, net, get_model(config.model_name), arguments.file)
    logger.info("%s: %d of its %d tensors have a place", arguments.file, len(values), len(weights.tensors))
    return values


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    arguments = parse_arguments(argv)
    read = {TENSORFLOW: import_tensorflow, MINDCV: import_mindcv}.get(arguments.library, import_library)
    values = read(arguments)
    check_finite(values, arguments.file)
    output = arguments.output or imported_path(arguments.file)
    if output.resolve() == arguments.file.resolve():
        raise UserError(f"--output: {output} is the file that is converted; give the checkpoint another name")
    save_checkpoint([{"name": name, "data": ms.Tensor(value)} for name, value in values.items()], output)
    logger.info("%s: %d parameters", output, len(values))


if __name__ == "__main__":
    main()
