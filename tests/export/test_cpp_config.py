from src.export.cpp_config import aipp, input_flags
from tests.support.golden_data import ROOT

TEMPLATE = ROOT / "ascend310_infer" / "aipp.cfg.in"


def test_flags_describe_the_input(tmp_path):
    config = tmp_path / "a.yaml"
    config.write_text("image_mean: [0.5, 0.25, 0]\nimage_std: [1, 1, 0.5]\nfloat_resize: True\n", encoding="utf-8")
    assert input_flags(config).splitlines() == [
        "--image_height=300", "--image_width=300", "--image_mean=0.5,0.25,0.0", "--image_std=1.0,1.0,0.5",
        "--float_resize=True", "--exif=upright",
    ]


def test_aipp_has_the_values_of_the_configuration():
    lines = aipp(ROOT / "config" / "ssd300_config.yaml", TEMPLATE).splitlines()
    values = dict(line.strip().split(": ") for line in lines if line.startswith("    "))
    assert values["src_image_size_w"] == "304"  # rows of a multiple of 16 pixels
    assert values["crop_size_w"] == values["crop_size_h"] == "300"
    assert [float(values[f"min_chn_{channel}"]) for channel in range(3)] == [123.675, 116.28, 103.53]
    assert [round(1 / float(values[f"var_reci_chn_{channel}"]), 3) for channel in range(3)] == [58.395, 57.12, 57.375]
    assert "$" not in "".join(lines)
