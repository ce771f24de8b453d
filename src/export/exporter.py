"""Export of an inference network to MindIR, AIR and ONNX."""
import contextlib
import dataclasses
import glob
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from src.config import Config
from src.dataset.samples import create_calibration_inputs, create_real_inputs, create_seeded_inputs
from src.export.verify import verify_export
from src.inference import Device
from src.inference.metadata import ModelMetadata, create_metadata
from src.inference.network import load_network
from src.model_zoo import find_weights
from src.runtime.releases import add_user_info
from src.utils.errors import UserError
from src.utils.files import remove_parts, whole_file
from src.utils.safe_io import shown
from src.weights.thresholds_file import read_thresholds

SUFFIXES = {"MINDIR": ".mindir", "AIR": ".air", "ONNX": ".onnx"}
INPUT_NAMES = ("image",)
OUTPUT_NAMES = ("boxes", "scores")
ACCEPTED = re.compile(r"[0-9a-zA-Z@_\-.:/\\]+")
# Different images in a verification; a larger batch repeats them.
VERIFIED_IMAGES = 4


@dataclasses.dataclass(frozen=True)
class OnnxOptions:
    """How an ONNX file differs from the plain one.

    Attributes:
        dynamic_batch: any number of images.
        with_preprocess: images `(B, H, W, 3)` uint8 RGB, normalised inside.
        with_nms: non-maximum suppression inside; see `src.export.onnx_graph.add_nms` for inputs and outputs.
        calibration_images: for the precision "int8": function without arguments that gives images of the training data,
            normalised, `(3, H, W)` float32.
        float_heads: the precision "int8" keeps the last convolutions in float32.
    """

    dynamic_batch: bool = False
    with_preprocess: bool = False
    with_nms: bool = False
    calibration_images: Callable[[], Iterable[np.ndarray]] = list
    float_heads: bool = False


def with_suffix(file_name: str, file_format: str) -> str:
    """`file_name` with the suffix of the format, unless it has it."""
    suffix = SUFFIXES[file_format]
    return file_name if file_name.endswith(suffix) else f"{file_name}{suffix}"


def export_network(
    net: nn.Cell, path: Path | str, file_format: str, batch_size: int, metadata: ModelMetadata,
    options: OnnxOptions | None = None,
) -> None:
    """Writes `net`, in evaluation mode, to `path`, whole or not at all.

    Args:
        net: image `(B, 3, H, W)` -> boxes `(B, A, 4)`, scores `(B, A, C)`.
        path: with the suffix of the format.
        file_format: a key of `SUFFIXES`.
        batch_size: B.
        metadata: `ModelMetadata` of the network; its `precision` is that of the file.
        options: `OnnxOptions`, for ONNX.
    """
    if file_format == "AIR" and ms.get_current_device().device_target != "Ascend":
        raise UserError("file_format AIR can be exported with an Ascend device only; on others use MINDIR or ONNX")
    remove_parts(Path(path).parent, glob.escape(Path(path).name))
    with whole_file(path) as part, _accepted_path(part) as accepted:
        if file_format == "ONNX":
            _export_onnx(net, accepted, batch_size, metadata, options or OnnxOptions())
        else:
            custom = {"custom_func": lambda model: add_user_info(model, metadata.to_texts())}
            ms.export(net, _blank(batch_size, metadata), file_name=str(accepted), file_format=file_format,
                      **(custom if file_format == "MINDIR" else {}))
        _check_written(accepted, file_format, net)


@contextlib.contextmanager
def _accepted_path(path: Path) -> Iterator[Path]:
    """Context manager: gives a path that MindSpore's exporters accept, and moves the file from there to `path`.

    They refuse paths with blanks, brackets and letters that are not ASCII.
    """
    if ACCEPTED.fullmatch(str(path)):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        accepted = Path(folder, f"model{path.suffix}")
        if not ACCEPTED.fullmatch(str(accepted)):
            raise UserError(f"MindSpore exports to paths of the letters A to Z, digits and @_-.: only, unlike "
                            f"{shown(path.parent)} and {shown(folder)}; let TMPDIR name a folder of such a "
                            "path")
        yield accepted
        shutil.move(accepted, path)


def _blank(batch_size: int, metadata: ModelMetadata) -> ms.Tensor:
    return ms.Tensor(np.zeros((batch_size, 3, *metadata.image_size), np.float32))


def _check_written(path: Path, file_format: str, net: nn.Cell) -> None:
    if not path.is_file():  # the exporters log some errors without raising them
        with open(path, "wb") as stream:  # an OSError if it was for lack of room
            stream.write(bytes(sum(parameter.nbytes for parameter in net.get_parameters())))
            stream.flush()
            os.fsync(stream.fileno())
        raise RuntimeError(f"MindSpore wrote no {file_format} file; the lines above say why")


def _export_onnx(
    net: nn.Cell, path: Path, batch_size: int, metadata: ModelMetadata, options: OnnxOptions
) -> None:
    try:
        import onnx

        from src.export import onnx_graph
    except ModuleNotFoundError as error:
        raise UserError(f"export to ONNX needs the package {error.name}: pip install -r requirements.txt") from error

    net.compile_cache.clear()  # a network that was exported before cannot be exported from the same compiled graph
    # MindSpore writes the batch size into the graph; it is freed there, and set in the end.
    ms.onnx.export(net, _blank(1, metadata), file_name=str(path), input_names=list(INPUT_NAMES),
                   output_names=list(OUTPUT_NAMES))
    _check_written(path, "ONNX", net)
    model = onnx_graph.set_batch(onnx.load(path), None)
    model = onnx_graph.clean_up(model, fold_shared=metadata.precision == "int8")
    if metadata.precision == "fp16":
        model = onnx_graph.to_float16(model)
    elif metadata.precision == "int8":
        model = onnx_graph.to_int8(model, options.calibration_images(), options.float_heads)
    if options.with_preprocess:
        model = onnx_graph.add_preprocessing(model, metadata.mean, metadata.std)
    if options.with_nms:
        model = onnx_graph.add_nms(model, metadata.nms)
    onnx_graph.set_batch(model, None if options.dynamic_batch else batch_size)
    onnx.helper.set_model_props(model, metadata.to_texts())
    onnx.checker.check_model(model)
    onnx.save(model, path)


def export_checkpoint(config: Config) -> tuple[nn.Cell, str]:
    """Builds the network with its weights and writes it as the configuration says.

    Returns:
        The network, and the path of the file.
    """
    precision = config.precision
    if config.file_format == "ONNX":  # the option `precision` decides there
        config = dataclasses.replace(config, use_float16=False, amp_level="O0")
    elif config.half_precision:
        precision = "fp16"
    checkpoint = find_weights(config.checkpoint_file_path, config.checkpoint_path)
    Device.of(config).set_up()
    net = load_network(config, checkpoint)
    path = with_suffix(config.file_name, config.file_format)
    options = OnnxOptions(
        dynamic_batch=config.dynamic_batch,
        with_preprocess=config.with_preprocess,
        with_nms=config.with_nms,
        calibration_images=lambda: create_calibration_inputs(config),
        float_heads=config.float_heads,
    )
    metadata = create_metadata(config, precision, read_thresholds(checkpoint))
    export_network(net, path, config.file_format, config.batch_size, metadata, options)
    return net, path


def verify_file(config: Config, net: nn.Cell, path: str) -> None:
    """Compares the file with the network, on a seeded input and on real images.

    Raises:
        UserError: they do not agree. The file has another name then, so that nobody uses it.
    """
    if config.file_format == "AIR":
        return
    batch = VERIFIED_IMAGES if config.dynamic_batch else config.batch_size
    different = min(batch, VERIFIED_IMAGES)
    net_batch = 1 if config.file_format == "ONNX" else batch  # as it was compiled
    samples = [create_real_inputs(config, different)]
    if config.precision != "int8":  # its calibration is for photographs
        samples.append((create_seeded_inputs(config, different), "random values"))
    try:
        for images, kind in samples:
            verify_export(net, path, net_batch, images[np.arange(batch) % len(images)], kind)
    except UserError as error:
        refused = Path(path).with_suffix(f".refused{Path(path).suffix}")
        Path(path).replace(refused)
        raise UserError(f"{error}. It is {refused} now") from error
