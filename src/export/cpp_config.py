"""Settings of the C++ program, from the configuration."""
from pathlib import Path
from string import Template

from src.config import load_config
from src.dataset import build_input_format

ROW_ALIGNMENT = 16  # pixels; the hardware decoder of an Ascend device fills up its rows


def input_flags(config_path: Path | str) -> str:
    """The flags of the C++ program that describe the network's input, one a line."""
    config = load_config([f"--config_path={config_path}"])
    height, width = config.img_shape
    mean, std = (",".join(map(str, numbers)) for numbers in (config.image_mean, config.image_std))
    return "\n".join([f"--image_height={height}", f"--image_width={width}", f"--image_mean={mean}",
                      f"--image_std={std}", f"--float_resize={config.float_resize}", f"--exif={config.exif}"])


def aipp(config_path: Path | str, template: Path | str) -> str:
    """Text of the AIPP configuration: how an Ascend device prepares a decoded image for the network.

    Args:
        template: path of ascend310_infer/aipp.cfg.in.
    """
    config = load_config([f"--config_path={config_path}"])
    height, width = config.img_shape
    input_format = build_input_format(config)
    values: dict[str, object] = {"height": height, "width": width, "row": -(-width // ROW_ALIGNMENT) * ROW_ALIGNMENT}
    for channel, (mean, std) in enumerate(zip(input_format.mean, input_format.std)):
        values[f"mean_{channel}"] = f"{mean:.6g}"
        values[f"reciprocal_{channel}"] = f"{1 / std:.9g}"
    return Template(Path(template).read_text(encoding="utf-8")).substitute(values)
