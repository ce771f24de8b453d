"""Entry of MindSpore Hub: `create_network(name)` returns a detector for inference."""
import json
from pathlib import Path
from typing import Any

from src.config import load_config
from src.config.run_config import config_of_run
from src.inference.network import load_network
from src.model_zoo import find_weights, published_config
from src.ssd import SsdInferWithDecoder, build_inference_net, get_model

CONFIG_FOLDER = Path(__file__).resolve().parent / "config"


def create_network(name: str, num_classes: int | None = None, checkpoint: Path | str = "",
                   config_path: Path | str = "", **settings: Any) -> SsdInferWithDecoder:
    """A detector with decoded boxes, in evaluation mode: image `(B, 3, H, W)` -> boxes `(B, A, 4)`, scores `(B, A, C)`.

    Images are float32 RGB, resized to `img_shape` and normalised with `image_mean` and `image_std`. Boxes are
    `ymin xmin ymax xmax` in [0, 1]; column 0 of the scores is the background; NMS is `src.boxes.apply_nms`. The
    parameters have the names of the published checkpoints, so that MindSpore Hub can load one. To train it further,
    wrap the detector, `create_network(...).network`, in `src.ssd.SSDWithLossCell`.

    Args:
        name: a name of the model table, such as `ssd300`.
        num_classes: C, the background included; None for that of the configuration.
        checkpoint: file of a checkpoint to load, or a name of published weights; empty for initial values.
        config_path: YAML file; empty for the one of the published weights, that of the training run in whose folder the
            checkpoint is, or else that which the model table names.
        settings: other keys of the configuration, such as `max_scale=0.9`. Without `use_float16=True` the network
            computes in float32, whatever the file says, since that runs on every device.

    Raises:
        UserError: there is no such model (the message lists all), a setting is wrong, or the checkpoint does not fit.
    """
    config_path = (config_path or published_config(checkpoint) or config_of_run(checkpoint)
                   or CONFIG_FOLDER / get_model(name).config_file)
    settings = {"model_name": name, "use_float16": False, **settings}
    if num_classes is not None:
        names = ["background"] + [f"class_{label}" for label in range(1, num_classes)]
        settings = {"classes": names, **settings, "num_classes": num_classes}
    flags = [f"--{key}={_as_text(value)}" for key, value in settings.items()]
    config = load_config([f"--config_path={config_path}", *flags])
    if checkpoint:
        return load_network(config, find_weights(checkpoint, key="checkpoint"))
    return build_inference_net(config)


def _as_text(value: Any) -> str:
    """A value as on the command line."""
    return json.dumps(value) if isinstance(value, (list, tuple)) else str(value)
