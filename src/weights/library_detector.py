"""Weights of another library's detector under the names of this project, with every tensor accounted for."""
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from src.utils.errors import UserError
from src.weights.parameter_names import shown_names
from src.weights.pretrained_backbone import Renames, match_names


def match_detector(tensors: Mapping[str, np.ndarray], own_shapes: Mapping[str, tuple[int, ...]], renames: Renames,
                   model: str, num_classes: int, path: Path | str) -> dict[str, np.ndarray]:
    """The arrays of a file, one for each name in `own_shapes`.

    Args:
        tensors: arrays by the library's names.
        own_shapes: shapes of the network's parameters by name.
        renames: from the library's names to those of the network, see `Renames`.
        model: `model_name` of the network, for messages.
        num_classes: C, the background included, for messages.
        path: of the file, for messages.

    Raises:
        UserError: a tensor has no place, is missing, or has another shape.
    """
    sources = match_names(tensors, set(own_shapes), (), renames)
    missing, unknown = set(own_shapes) - set(sources), set(tensors) - set(sources.values())
    if missing or unknown:
        raise UserError(
            f"{path} does not hold the {model} of this library: {len(sources)} of its {len(own_shapes)} parameters are "
            f"there.\n"
            f"  missing: {shown_names(missing) or 'none'}\n"
            f"  without a place: {shown_names(unknown) or 'none'}\n"
            "Is it from the other library, or another detector?"
        )
    wrong = [
        f"{source} has shape {tensors[source].shape}, expected {own_shapes[name]}"
        for name, source in sources.items()
        if tensors[source].shape != own_shapes[name]
    ]
    if wrong:
        raise UserError(
            f"{path}: {len(wrong)} of its tensors have other shapes: {'; '.join(wrong[:3])}. The configuration has "
            f"{num_classes} classes, the background included: give one with the classes of the file (--config)"
        )
    return {name: tensors[source] for name, source in sources.items()}
