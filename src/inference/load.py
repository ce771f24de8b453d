"""The network for inference, with the weights and on the device that the configuration names."""
import logging
from pathlib import Path

from src.config.values import show
from src.inference.metadata import create_metadata
from src.inference.mindir import MindirModel
from src.inference.onnx_runtime import OnnxModel
from src.inference.predictor import network_predictor, show_shape
from src.runtime.device import set_up_device
from src.ssd import build_inference_net, with_cpu_kernels
from src.utils.errors import UserError
from src.utils.files import find_checkpoint
from src.weights import load_weights

logger = logging.getLogger(__name__)
# What a file and the configuration must agree on, as far as the file tells, and what the keys are called there.
FITTING = {"classes": "classes", "image_size": "img_shape", "mean": "image_mean", "std": "image_std",
           "float_resize": "float_resize"}
SUPPRESSION = ("min_score", "nms_threshold", "max_boxes")


def create_loaded_net(config):
    """`build_inference_net` with the weights of `checkpoint_file_path`; sets up the device first."""
    path = find_checkpoint(config.checkpoint_file_path, config.checkpoint_path)
    set_up_device(config.device_target, config.device_id, config.cpu_threads, config.seed)
    net = build_inference_net(config)
    load_weights(net, path)
    return net


def create_predictor(config):
    """What predicts (`src.inference.predictor`), from `checkpoint_file_path`: a checkpoint, a MindIR or an ONNX file.

    An ONNX file runs in ONNX Runtime, the others on the device that is set up for MindSpore.
    """
    path = find_checkpoint(config.checkpoint_file_path, config.checkpoint_path)
    suffix = Path(path).suffix.lower()
    if suffix == ".onnx":
        return create_onnx_model(config, path)
    if suffix != ".mindir":
        return network_predictor(with_cpu_kernels(config, create_loaded_net(config)))
    set_up_device(config.device_target, config.device_id, config.cpu_threads, config.seed)
    model = MindirModel(path)
    _check_fits(model, create_metadata(config, precision=""))
    return model


def create_onnx_model(config, path=None, threads=None):
    """`OnnxModel`, checked to fit the configuration; `path` instead of `file_name`, `threads` of `cpu_threads`."""
    model = OnnxModel(path or config.file_name, config.device_target, threads or config.cpu_threads)
    _check_fits(model, create_metadata(config, precision=""))
    return model


def _check_fits(model, wanted):
    """Raises `UserError` where a model file is for other images or classes than `wanted`, a `ModelMetadata`."""
    size = model.input_shape[2:]
    if size != list(wanted.image_size):
        raise UserError(f"{model.path} takes images of {show_shape(size)} pixels, but img_shape is "
                        f"{show_shape(wanted.image_size)}; set img_shape, or export the model anew")
    if model.num_classes not in (None, len(wanted.classes)):
        raise UserError(f"{model.path} gives scores of {model.num_classes} classes, but the configuration names "
                        f"{len(wanted.classes)} (with the background): use that of the export")
    found = model.metadata
    if found is None:
        return
    for name, key in FITTING.items():
        if getattr(found, name) != getattr(wanted, name):
            raise UserError(f"{model.path} was exported with {key} {show(getattr(found, name))}, but the configuration "
                            f"says {show(getattr(wanted, name))}: use that of the export")
    if model.needs_image_shapes:
        logger.info("suppression is inside %s: %s", model.path,
                    ", ".join(f"{name} {getattr(found, name)}" for name in SUPPRESSION))
