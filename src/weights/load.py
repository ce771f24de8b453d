"""Checkpoints of detectors into networks, with every parameter accounted for."""
import dataclasses
import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import mindspore as ms
from mindspore import nn

from src.utils.errors import UserError
from src.weights.checkpoint_file import check_finite, read_checkpoint
from src.weights.class_heads import convert_class_heads
from src.weights.parameter_names import MINDCV_PREFIX, is_training_state, shown_names

logger = logging.getLogger(__name__)
ADVICE = ("Is it a checkpoint of another model_name or number of classes? To fine-tune from other classes, train with "
          "--filter_weight=True.")
MINDCV_ADVICE = ("It has the names of an SSD of MindCV: bash scripts/import_weights.sh FILE --from mindcv makes a "
                 "checkpoint of it.")


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """Names of parameters, sorted.

    Attributes:
        loaded: parameters of the network that have values of the file now.
        kept: parameters of the network that are as they were.
        unused: parameters of the file that were not asked for, or that have no place in the network.
    """

    loaded: tuple[str, ...]
    kept: tuple[str, ...]
    unused: tuple[str, ...]


def load_weights(net: nn.Cell, path: Path | str, drop: Collection[str] = (), classes: Sequence[str] = (),
                 old_classes: Sequence[str] = ()) -> LoadReport:
    """Loads a checkpoint of a detector, from training or inference, into `net`.

    Args:
        net: a network whose parameter names begin with `network.`, such as that of `build_inference_net`.
        path: file of the checkpoint. The training state in it is not loaded.
        drop: a parameter whose name contains one of these texts is not loaded.
        classes: names of the classes of `net`, for which the class heads of the checkpoint are converted, see
            `convert_class_heads`; empty: the checkpoint must have as many classes.
        old_classes: names of the classes of the checkpoint, where they are known.

    Raises:
        UserError: parameters are missing, do not belong to the network, have another shape, or hold values that are
            not finite; the message names them.
    """
    found = {name: value for name, value in read_checkpoint(path).items() if not is_training_state(name)}
    dropped = {name for name in found if any(text in name for text in drop)}
    values = {name: value for name, value in found.items() if name not in dropped}
    own = {parameter.name: parameter for parameter in net.get_parameters()}
    if classes:
        arrays = {name: value.asnumpy() for name, value in values.items()}
        converted = convert_class_heads(arrays, net.network, classes, old_classes)
        values |= {name: ms.Parameter(ms.Tensor(value), name=name) for name, value in converted.items()}
    _check_fit(own, values, may_lack=dropped, path=path)
    check_finite(values, path)
    for name, value in values.items():
        own[name].set_data(ms.Tensor(value.asnumpy()).astype(own[name].dtype))
    report = LoadReport(tuple(sorted(values)), tuple(sorted(set(own) - set(values))), tuple(sorted(dropped)))
    logger.info("%s: %d of the %d parameters of the network loaded", path, len(values), len(own))
    if dropped:
        logger.info("left out by checkpoint_filter_list: %s", shown_names(dropped))
    return report


def _check_fit(own: Mapping[str, ms.Parameter], values: Mapping[str, ms.Parameter], may_lack: set[str],
               path: Path | str) -> None:
    missing = set(own) - set(values) - may_lack
    unknown = set(values) - set(own)
    shapes = [
        f"{name} has shape {tuple(values[name].shape)} in the file, {tuple(own[name].shape)} in the network"
        for name in sorted(set(own) & set(values))
        if tuple(values[name].shape) != tuple(own[name].shape)
    ]
    problems = []
    if missing:
        problems.append(f"{len(missing)} parameters are missing: {shown_names(missing)}")
    if unknown:
        problems.append(f"{len(unknown)} parameters do not belong to the network: {shown_names(unknown)}")
    if shapes:
        problems.append(f"{len(shapes)} parameters have another shape: {'; '.join(shapes[:3])}")
    if problems:
        lines = "\n  ".join(problems)
        raise UserError(
            f"{path} does not fit the model.\n  {lines}\n"
            f"{MINDCV_ADVICE if any(MINDCV_PREFIX in name for name in unknown) else ADVICE}"
        )
