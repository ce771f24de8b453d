"""Loading of weights, with every parameter accounted for."""
import dataclasses
import logging

import mindspore as ms

from src.utils.errors import UserError
from src.weights.checkpoint_file import read_checkpoint
from src.weights.parameter_names import is_training_state

logger = logging.getLogger(__name__)
LISTED = 8


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """Names of parameters: loaded, kept as they were in the network, and not used of the file."""

    loaded: tuple
    kept: tuple
    unused: tuple


def listing(names):
    """A few of the names, and how many more there are."""
    names = sorted(names)
    more = f", ... ({len(names) - LISTED} more)" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def load_weights(net, path, drop=()):
    """Loads a checkpoint of a detector, from training or inference, into `net`.

    Args:
        net: a network whose parameter names begin with `network.`, such as `build_inference_net` gives.
        path: file of the checkpoint. State of an optimizer in it is left alone.
        drop: a parameter whose name contains one of these texts is not loaded.

    Returns:
        A `LoadReport`.

    Raises:
        UserError: names of parameters that are missing, do not belong to the network, or have another shape.
    """
    found = {name: value for name, value in read_checkpoint(path).items() if not is_training_state(name)}
    dropped = {name for name in found if any(text in name for text in drop)}
    values = {name: value for name, value in found.items() if name not in dropped}
    own = {parameter.name: parameter for parameter in net.get_parameters()}
    _check_fit(own, values, may_lack=dropped, path=path)
    for name, value in values.items():
        own[name].set_data(ms.Tensor(value.asnumpy()).astype(own[name].dtype))
    report = LoadReport(tuple(sorted(values)), tuple(sorted(set(own) - set(values))), tuple(sorted(dropped)))
    logger.info("%s: %d of the %d parameters of the network loaded", path, len(values), len(own))
    if dropped:
        logger.info("left out by checkpoint_filter_list: %s", listing(dropped))
    return report


def _check_fit(own, values, may_lack, path):
    missing = set(own) - set(values) - may_lack
    unknown = set(values) - set(own)
    shapes = [
        f"{name} has shape {tuple(values[name].shape)} in the file, {tuple(own[name].shape)} in the network"
        for name in sorted(set(own) & set(values))
        if tuple(values[name].shape) != tuple(own[name].shape)
    ]
    problems = []
    if missing:
        problems.append(f"{len(missing)} parameters are missing: {listing(missing)}")
    if unknown:
        problems.append(f"{len(unknown)} parameters do not belong to the network: {listing(unknown)}")
    if shapes:
        problems.append(f"{len(shapes)} parameters have another shape: {'; '.join(shapes[:3])}")
    if problems:
        lines = "\n  ".join(problems)
        raise UserError(
            f"{path} does not fit the model.\n  {lines}\n"
            "Is it a checkpoint of another model_name or number of classes? "
            "To fine-tune from other classes, train with --filter_weight=True."
        )
