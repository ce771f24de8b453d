"""The metadata in a model file, so that inference needs no configuration.

The export writes it, as JSON texts by name: into `metadata_props` of an ONNX file, into `user_info` of a MindIR file.
"""
from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from src.boxes import NMSConfig, build_nms_config
from src.boxes.default_boxes import default_box_keys
from src.config import Config
from src.dataset import build_input_format
from src.evaluation.thresholds import Thresholds
from src.utils.errors import UserError
from src.utils.safe_io import shown

# Pixels of an input; an image of them still fits into the memory.
MOST_SIDE = 8192


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """What is needed to feed a model and to understand its outputs.

    Attributes:
        model_name: name of the detector.
        classes: names; index = label, 0 is the background.
        image_size: height and width of the input.
        mean, std: of red, green, blue, on the scale 0 .. 255; of the normalisation of the resized image.
        float_resize: the resized image is not rounded to whole numbers.
        default_boxes: what the default boxes were made from, by the keys of the configuration.
        prior_scaling: scales of the encoded boxes.
        min_score, nms_threshold, max_boxes: limits of NMS, see `NMSConfig`.
        precision: "fp32", "fp16" or "int8".
        thresholds: confidence thresholds that an evaluation of the weights suggests; None where they are not known, as
            in files of earlier versions.
    """

    model_name: str
    classes: list[str]
    image_size: list[int]
    mean: list[float]
    std: list[float]
    float_resize: bool
    default_boxes: dict[str, Any]
    prior_scaling: list[float]
    min_score: float
    nms_threshold: float
    max_boxes: int
    precision: str
    thresholds: Thresholds | None = None

    @property
    def nms(self) -> NMSConfig:
        return NMSConfig(self.min_score, self.nms_threshold, self.max_boxes)

    def to_texts(self) -> dict[str, str]:
        """Each value that is known as JSON."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if self.thresholds:
            # The second for programs that want no more than one number.
            values |= {"thresholds": self.thresholds.to_json(), "best_score": self.thresholds.best_score}
        return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items() if value is not None}

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> ModelMetadata | None:
        """From a mapping of texts, which may hold others; None where one is missing.

        Raises:
            UserError: a value is not what this program writes.
        """
        if any(name not in texts for name in _FITS):
            return None
        values = {name: _value(name, texts[name], _FITS[name]) for name in _FITS}
        if "thresholds" in texts:
            values["thresholds"] = Thresholds.from_json(_value("thresholds", texts["thresholds"], _are_thresholds))
        return cls(**values)


def _value(name: str, text: str, fits: Callable[[Any], bool]) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not fits(value):
        raise UserError(f"the metadata of the model file say that {name} is {shown(text)}, which export.py does not "
                        "write: the file is damaged, or was made by another program")
    return value


def _are_thresholds(value: Any) -> bool:
    try:
        Thresholds.from_json(value)
    except ValueError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) < 1e9  # not a number is not smaller either


def _numbers(count: int, test: Callable[[Any], bool] = _is_number) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) == count and all(map(test, value))


def _is_side(value: Any) -> bool:
    return type(value) is int and 0 < value <= MOST_SIDE


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_FITS: dict[str, Callable[[Any], bool]] = {
    "model_name": _is_text,
    "classes": lambda value: isinstance(value, list) and len(value) > 1 and all(map(_is_text, value)),
    "image_size": _numbers(2, _is_side),
    "mean": _numbers(3),
    "std": _numbers(3, lambda value: _is_number(value) and value > 0),
    "float_resize": lambda value: isinstance(value, bool),
    "default_boxes": lambda value: isinstance(value, dict),
    "prior_scaling": _numbers(2),
    "min_score": _is_number,
    "nms_threshold": _is_number,
    "max_boxes": lambda value: type(value) is int and value > 0,
    "precision": _is_text,
}


def create_metadata(config: Config, precision: str, thresholds: Thresholds | None = None) -> ModelMetadata:
    """The metadata of a model of this configuration, with the thresholds of its weights."""
    settings = config.to_dict()
    input_format = build_input_format(config)
    return ModelMetadata(
        model_name=config.model_name,
        classes=list(config.classes),
        image_size=settings["img_shape"],
        mean=input_format.mean.tolist(),
        std=input_format.std.tolist(),
        float_resize=input_format.float_resize,
        default_boxes={key: settings[key] for key in default_box_keys()},
        prior_scaling=settings["prior_scaling"],
        **dataclasses.asdict(build_nms_config(config)),
        precision=precision,
        thresholds=thresholds,
    )
