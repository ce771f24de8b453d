"""What a model file says about itself, so that inference needs no configuration.

The export writes it, as JSON texts by name: into `metadata_props` of an ONNX file, into `user_info` of a MindIR file.
"""
import dataclasses
import json

from src.dataset import build_input_format

DEFAULT_BOX_KEYS = (
    "use_anchor_generator", "num_ssd_boxes", "num_default", "feature_size", "steps", "min_scale", "max_scale",
    "aspect_ratios", "anchor_sizes", "anchors_within_image",
)


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
        min_score, nms_threshold, max_boxes: suppression, as the arguments of `select_detections`.
        precision: "fp32", "fp16" or "int8".
    """

    model_name: str
    classes: list
    image_size: list
    mean: list
    std: list
    float_resize: bool
    default_boxes: dict
    prior_scaling: list
    min_score: float
    nms_threshold: float
    max_boxes: int
    precision: str

    def to_texts(self):
        return {name: json.dumps(value, ensure_ascii=False) for name, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_texts(cls, texts):
        """From a mapping of texts, which may hold others; None where one is missing."""
        names = [field.name for field in dataclasses.fields(cls)]
        if any(name not in texts for name in names):
            return None
        return cls(**{name: json.loads(texts[name]) for name in names})


def create_metadata(config, precision):
    """The metadata of a model of this configuration."""
    settings = config.to_dict()
    input_format = build_input_format(config)
    return ModelMetadata(
        model_name=config.model_name,
        classes=settings["classes"],
        image_size=settings["img_shape"],
        mean=input_format.mean.tolist(),
        std=input_format.std.tolist(),
        float_resize=input_format.float_resize,
        default_boxes={key: settings[key] for key in DEFAULT_BOX_KEYS},
        prior_scaling=settings["prior_scaling"],
        min_score=config.min_score,
        nms_threshold=config.nms_threshold,
        max_boxes=config.max_boxes,
        precision=precision,
    )
