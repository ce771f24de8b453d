"""A model file -> what predicts with it."""
from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from src.config import Config
from src.config.values import show
from src.inference.metadata import ModelMetadata, create_metadata
from src.inference.onnx_runtime import OnnxModel
from src.inference.predictor import Predictor, show_shape
from src.utils.class_names import check_same_labels
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
ONNX, MINDIR = ".onnx", ".mindir"
# Files with metadata, which need no configuration.
EXPORTED = (ONNX, MINDIR)
# Metadata that a file and the configuration must agree on, and the keys of the configuration.
FITTING = {"classes": "classes", "image_size": "img_shape", "mean": "image_mean", "std": "image_std",
           "float_resize": "float_resize"}


@dataclass(frozen=True)
class Device:
    """Where a model runs.

    Attributes:
        target: `CPU`, `GPU` or `Ascend`; ONNX files know the first two.
        number: of the accelerator, for MindSpore.
        threads: of a CPU; 0 for all cores.
        seed: of MindSpore's random numbers.
    """

    target: str = "CPU"
    number: int = 0
    threads: int = 0
    seed: int = 1

    @classmethod
    def of(cls, config: Config) -> Device:
        """The device of the configuration."""
        return cls(config.device_target, config.device_id, config.cpu_threads, config.seed)

    def set_up(self) -> None:
        """Sets MindSpore up for this device."""
        from src.runtime.device import set_up_device

        set_up_device(self.target, self.number, self.threads, self.seed)


def is_exported(path: Path | str) -> bool:
    """Whether this is the name of an ONNX or a MindIR file."""
    return Path(path).suffix.lower() in EXPORTED


def load_predictor(
    path: Path | str, config: Config | None = None, device: Device | None = None, suffix: str = "",
    cpu_kernels: bool = True,
) -> Predictor:
    """The `Predictor` of a checkpoint, a MindIR or an ONNX file. An ONNX file needs no MindSpore.

    Args:
        path: the file.
        config: the configuration. A checkpoint needs it, and an exported file has to fit it.
        device: where it runs; None for that of `config`, and without one for a CPU in ONNX Runtime, and for the device
            that MindSpore is set up for already.
        suffix: what kind of file it is, `.onnx`, `.mindir` or `.ckpt`; by default that of `path`.
        cpu_kernels: let a checkpoint use the kernels of `src.cpu_kernels`, as the configuration says. They are compiled
            first, which takes longer than a few images.
    """
    suffix = suffix or Path(path).suffix.lower()
    if config and not device:
        device = Device.of(config)
    if suffix == ONNX:
        device = device or Device()
        model: Predictor = OnnxModel(path, device.target, device.threads)
    else:
        if device:
            device.set_up()
        if suffix != MINDIR:
            return _load_checkpoint(path, config, cpu_kernels)
        from src.inference.mindir import MindirModel  # MindSpore is imported only where it is needed

        model = MindirModel(path)
    if config:
        _check_fits(model, create_metadata(config, precision=""))
    return model


def _load_checkpoint(path: Path | str, config: Config | None, cpu_kernels: bool) -> Predictor:
    if not config:
        raise UserError(f"{path} does not say what network it belongs to: give the configuration of its training, or "
                        "export it (export.py)")
    from src.inference.network import NetworkPredictor, load_network
    from src.ssd import with_cpu_kernels
    from src.weights.thresholds_file import read_thresholds

    net = load_network(config, path)
    return NetworkPredictor(with_cpu_kernels(config, net) if cpu_kernels else net, read_thresholds(path))


def _check_fits(model: Predictor, wanted: ModelMetadata) -> None:
    """Raises `UserError` where a model file is for other images or classes than `wanted`."""
    size = list(model.input_shape[2:])
    if size != list(wanted.image_size):
        raise UserError(f"{model.path} takes images of {show_shape(size)} pixels, but img_shape is "
                        f"{show_shape(wanted.image_size)}; set img_shape, or export the model anew")
    if model.num_classes not in (None, len(wanted.classes)):
        raise UserError(f"{model.path} gives scores of {model.num_classes} classes, but the configuration names "
                        f"{len(wanted.classes)} (with the background): use that of the export")
    found = model.metadata
    if found is None:
        return
    check_same_labels(wanted.classes, "the configuration (key classes)", found.classes, str(model.path))
    for name, key in FITTING.items():
        if getattr(found, name) != getattr(wanted, name):
            raise UserError(f"{model.path} was exported with {key} {show(getattr(found, name))}, but the configuration "
                            f"says {show(getattr(wanted, name))}: use that of the export")
    if model.nms:
        logger.info("NMS is inside %s: min_score %s, nms_threshold %s, max_boxes %s", model.path,
                    model.nms.min_score, model.nms.nms_threshold, model.nms.max_boxes)
