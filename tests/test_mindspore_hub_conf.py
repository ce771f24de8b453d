import mindspore as ms
import numpy as np
import pytest

from mindspore_hub_conf import CONFIG_FOLDER, create_network
from src.config import load_config
from src.config.run_config import WRITTEN_BY
from src.ssd import MODELS
from src.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("cpu")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_names_a_configuration_of_its_own(name):
    config = load_config([f"--config_path={CONFIG_FOLDER / MODELS[name].config_file}"])
    assert config.model_name == name


def test_unknown_name_lists_the_models():
    with pytest.raises(UserError) as caught:
        create_network("ssd301")
    assert "ssd301" in str(caught.value) and all(name in str(caught.value) for name in MODELS)


def test_network_has_the_parameters_of_the_published_checkpoints():
    net = create_network("ssd300")
    shapes = {parameter.name: tuple(parameter.shape) for parameter in net.get_parameters()}
    assert all(name.startswith("network.") for name in shapes)
    assert shapes["network.multi_box.multi_cls_layers.0.3.weight"] == (3 * 81, 576, 1, 1)
    assert not net.training and not net.network.training
    assert net.centres.shape == (1917, 2)


def test_settings_and_checkpoint(tmp_path):
    settings = {"img_shape": (96, 96), "feature_size": [6, 3, 2, 1, 1, 1], "steps": [16, 32, 64, 96, 96, 96],
                "num_ssd_boxes": -1, "aspect_ratios": ((2, 3),) * 6, "num_default": [6] * 6}
    net = create_network("ssd300", 3, **settings)
    assert net.centres.shape == ((36 + 9 + 4 + 1 + 1 + 1) * 6, 2)
    head = "network.multi_box.multi_cls_layers.0.3.bias"
    assert net.parameters_dict()[head].shape == (6 * 3,)
    values = np.arange(18, dtype=np.float32)
    net.parameters_dict()[head].set_data(ms.Tensor(values))
    ms.save_checkpoint(net, str(tmp_path / "mine.ckpt"))
    again = create_network("ssd300", num_classes=3, checkpoint=tmp_path / "mine.ckpt", **settings)
    assert np.array_equal(again.parameters_dict()[head].asnumpy(), values)
    with pytest.raises(UserError, match="multi_cls_layers"):
        create_network("ssd300", num_classes=4, checkpoint=tmp_path / "mine.ckpt", **settings)


def test_a_checkpoint_of_a_run_brings_its_configuration(tmp_path):
    shapes = ["img_shape: [96, 96]", "feature_size: [6, 3, 2, 1, 1, 1]", "steps: [16, 32, 64, 96, 96, 96]",
              "num_ssd_boxes: -1", "num_classes: 3", "classes: [background, cat, dog]", "prior_scaling: [0.1, 0.3]"]
    (tmp_path / "config.yaml").write_text("\n".join([f"{WRITTEN_BY}0", "model_name: ssd300", *shapes]))
    best = tmp_path / "ckpt_0" / "best_map.ckpt"
    best.parent.mkdir()
    net = create_network("ssd300", config_path=tmp_path / "config.yaml")
    ms.save_checkpoint(net, str(best))
    again = create_network("ssd300", checkpoint=best)
    assert again.centres.shape == net.centres.shape
    assert (again.centre_scaling, again.side_scaling) == (0.1, 0.3)
    with pytest.raises(UserError, match=r"trained with prior_scaling \[0.1, 0.3\] .*config.yaml.* says \[0.1, 0.2\]"):
        create_network("ssd300", checkpoint=best, prior_scaling=(0.1, 0.2))


def test_published_weights_bring_their_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("SSD_WEIGHTS", str(tmp_path))
    seen = []
    monkeypatch.setattr("src.inference.network.load_weights", lambda net, path: seen.append(path))
    monkeypatch.setattr("mindspore_hub_conf.find_weights", lambda name, key: tmp_path / name)
    net = create_network("ssd_mobilenet_v2", checkpoint="ssd_mobilenet_v2_openimages")
    head = net.parameters_dict()["network.multi_box.multi_cls_layers.0.bias"]
    assert head.shape == (3 * 24,) and seen == [tmp_path / "ssd_mobilenet_v2_openimages"]


def test_wrong_settings():
    with pytest.raises(UserError, match="pretrained"):
        create_network("ssd300", pretrained=True)
    with pytest.raises(UserError, match="classes"):
        create_network("ssd300", num_classes=1)
