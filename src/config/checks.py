"""What must hold between keys, and the values that follow from others.

Everything here works on `Settings`: converted values, each with where it came from.
"""
import posixpath
from typing import Any

from src.boxes.default_boxes import build_default_boxes
from src.config.auto import AUTO, Auto
from src.config.schema import DERIVED
from src.config.values import show
from src.utils.class_names import is_background
from src.utils.errors import UserError

COMMAND_LINE = "command line"
DEFAULT = "default"
# Folders of a ModelArts container.
CLOUD_FOLDERS = {"data_path": "/cache/data", "output_path": "/cache/train", "load_path": "/cache/checkpoint_path/"}
ONNX_KEYS = ("dynamic_batch", "with_preprocess", "with_nms", "precision")
DATASET_KEYS = {"coco_root": "coco", "voc_root": "voc", "anno_path": "other"}
# Keys that have an effect only where another one switches it on.
SWITCHES = {"clip_norm": "use_global_norm", "ema_decay": "use_ema", "mosaic_close_epochs": "mosaic",
            "class_head_init": "filter_weight", "empty_share": "keep_empty"}


class Settings:
    """Values of all keys as attributes; `sources[key]` says where a value came from."""

    def __init__(self, values: dict[str, Any], sources: dict[str, str]) -> None:
        self.values = values
        self.sources = sources

    def __getattr__(self, key: str) -> Any:
        return self.values[key]

    def set(self, key: str, value: Any) -> None:
        """A value that the program decides on."""
        self.values[key] = value

    def said(self, key: str) -> str:
        """For messages: `lr 0.05 (FILE, line 3)`."""
        return f"{key} {show(self.values[key])} ({self.sources[key]})"


def resolve(settings: Settings) -> None:
    """Checks `settings` and fills in what is derived. Raises `UserError` that names both sides of a contradiction."""
    _set_dataset(settings)
    _check_classes(settings)
    _set_input_size(settings)
    _check_default_boxes(settings)
    _check_precision(settings)
    _check_schedule(settings)
    _check_stopping(settings)
    _check_switches(settings)
    _check_export(settings)
    _check_scale_jitter(settings)
    if settings.device_target == "CPU":
        settings.set("mode_sink", "non_sink")
    if settings.enable_modelarts:
        _use_cloud_folders(settings)


def _set_dataset(settings: Settings) -> None:
    """Without the folder that `dataset: auto` looks into, the key of a format that is set names the format."""
    named = {dataset for key, dataset in DATASET_KEYS.items() if settings.sources[key] != DEFAULT}
    if settings.dataset == AUTO and not settings.data and len(named) == 1:
        settings.set("dataset", named.pop())


def _check_classes(settings: Settings) -> None:
    if isinstance(settings.classes, Auto):
        settings.set("num_classes", Auto("num_classes", written=DERIVED))
        return
    names = settings.classes
    source = f"({settings.sources['classes']})"
    if len(names) < 2:
        raise UserError(f"{settings.said('classes')}; expected 'background' and at least one class")
    if names[0] != "background":
        raise UserError(f"classes {source}: the first name is {names[0]!r}; expected 'background', because label 0 is "
                        "the background")
    for name in filter(is_background, names[1:]):
        raise UserError(f"classes {source}: {name!r} beside {names[0]!r}, which is label 0 and the only background; "
                        "leave it out, or give the class another name")
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise UserError(f"classes {source}: {', '.join(doubled)} more than once; every class needs a name of its own")
    if settings.num_classes == DERIVED:
        settings.set("num_classes", len(names))
    if settings.num_classes != len(names):
        raise UserError(f"{settings.said('num_classes')} does not agree with classes {source}, which has {len(names)} "
                        f"names, background included; set num_classes to {len(names)}, leave it out, or change classes")


def _set_input_size(settings: Settings) -> None:
    """Puts the keys that follow from `input_size` in its place."""
    if settings.sources["img_shape"] == COMMAND_LINE:
        if settings.sources["input_size"] == COMMAND_LINE:
            raise UserError(f"{settings.said('img_shape')} and {settings.said('input_size')} both say how large the "
                            "input is; leave one of them out")
        settings.set("input_size", 0)
    if isinstance(settings.input_size, Auto) or not settings.input_size:
        return
    try:
        values = build_default_boxes(settings).for_input(settings.input_size)
    except ValueError as error:
        raise UserError(f"{settings.said('input_size')}: {error}, so that those of another input do not follow; set "
                        "img_shape, feature_size and steps instead") from None
    for key, value in {**values, "num_ssd_boxes": DERIVED}.items():
        settings.set(key, value)
        settings.sources[key] = f"follows from input_size, {settings.sources['input_size']}"


def _check_default_boxes(settings: Settings) -> None:
    """Checks the keys that describe default boxes, and derives their number."""
    boxes = build_default_boxes(settings)
    levels = len(settings.feature_size)
    if levels == 0:
        raise UserError(f"{settings.said('feature_size')}; expected one number for each level")
    for key in boxes.LEVEL_LISTS:
        length = len(settings.values[key])
        if length != levels:
            raise UserError(f"{settings.said(key)} has {length} entries, but {settings.said('feature_size')} has "
                            f"{levels}; expected one entry a level in each of {', '.join(boxes.LEVEL_LISTS)}")
    for contradiction in boxes.contradictions(settings):
        raise UserError(contradiction)
    number = boxes.num_boxes
    if settings.num_ssd_boxes not in (DERIVED, number):
        raise UserError(f"{settings.said('num_ssd_boxes')} does not agree with {boxes.LOCATIONS_FROM} and num_default, "
                        f"which give {number} default boxes; set num_ssd_boxes to {DERIVED} (derived) or {number}, or "
                        "change the others")
    settings.set("num_ssd_boxes", number)


def _check_precision(settings: Settings) -> None:
    if settings.use_float16 and settings.amp_level != "O0":
        raise UserError(f"{settings.said('use_float16')} and {settings.said('amp_level')} both choose the precision; "
                        "set amp_level to O0, or use_float16 to False")


def _check_schedule(settings: Settings) -> None:
    if isinstance(settings.epoch_size, Auto):
        return
    if settings.pre_trained_epoch_size >= settings.epoch_size:
        raise UserError(f"{settings.said('pre_trained_epoch_size')} leaves nothing to train with "
                        f"{settings.said('epoch_size')}; epoch_size counts the epochs already done too")


def _check_stopping(settings: Settings) -> None:
    if settings.early_stopping and not settings.run_eval:
        raise UserError(f"{settings.said('early_stopping')} counts evaluations while training, but "
                        f"{settings.said('run_eval')}; set run_eval to True, or early_stopping to 0")
    if settings.use_ema and not (settings.run_eval and settings.save_best_ckpt):
        raise UserError(f"{settings.said('use_ema')} is for the evaluation while training and its best checkpoint, but "
                        f"{settings.said('run_eval')} and {settings.said('save_best_ckpt')}; set both to True, or "
                        "use_ema to False")


def _check_switches(settings: Settings) -> None:
    """A file may keep the value of what the file or a flag switches off; any other value without its switch is lost."""
    for key, switch in SWITCHES.items():
        forgotten = settings.sources[switch] == DEFAULT and settings.sources[key] != DEFAULT
        if not settings.values[switch] and (forgotten or settings.sources[key] == COMMAND_LINE):
            raise UserError(f"{settings.said(key)} has no effect with {settings.said(switch)}; set {switch} too, or "
                            f"leave {key} out")


def _check_export(settings: Settings) -> None:
    if settings.with_preprocess and settings.float_resize:
        raise UserError(f"{settings.said('with_preprocess')} takes images of whole numbers, "
                        f"{settings.said('float_resize')} keeps fractions; set one of them to False")
    for key in ONNX_KEYS:
        if settings.values[key] not in (False, "fp32") and settings.file_format != "ONNX":
            raise UserError(f"{settings.said(key)} is for ONNX files only, but {settings.said('file_format')}; set "
                            "file_format to ONNX")


def _check_scale_jitter(settings: Settings) -> None:
    factors = settings.scale_jitter
    if not isinstance(factors, Auto) and factors and (len(factors) != 2 or factors[0] > factors[1]):
        raise UserError(f"{settings.said('scale_jitter')}; expected the least and the largest factor, or an empty list")


def _use_cloud_folders(settings: Settings) -> None:
    for key, folder in CLOUD_FOLDERS.items():
        # An absolute path in a file was chosen for the container; a relative one is meant for a machine of one's own.
        if settings.sources[key] != COMMAND_LINE and not settings.values[key].startswith("/"):
            settings.set(key, folder)
    if settings.checkpoint_url and settings.sources["checkpoint_path"] != COMMAND_LINE:
        settings.set("checkpoint_path", settings.load_path)
    # What is exported is a result, and only results outlive the container.
    settings.set("file_name", posixpath.join(settings.output_path, settings.file_name))
