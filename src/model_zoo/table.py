"""The table of published weights."""
from __future__ import annotations

import dataclasses
from pathlib import Path

from src.model_zoo.sources import NpmPackage, Source, Url

MODEL_ZOO = "https://download.mindspore.cn/models/r1.10/"
MINDCV = "https://download.mindspore.cn/toolkits/mindcv/ssd/"


def imported_path(file: Path) -> Path:
    """Where the checkpoint goes that is made of a file of another library, unless somebody names another place."""
    return file.with_suffix(".imported.ckpt" if file.suffix == ".ckpt" else ".ckpt")


@dataclasses.dataclass(frozen=True)
class PublishedWeights:
    """One row of the table.

    Attributes:
        model: `model_name` of the detector.
        config_file: YAML file in `config/` that fits them.
        file: name of the published file.
        sha256: its digest, or the beginning of it where no more is published.
        licence: under which it is published.
        trained_on: the data, with the number of classes.
        stated: the mAP that its publisher states, in per cent; empty for none.
        sources: tried in this order.
        size: bytes; None where the publisher does not say.
        library: of `import_weights`, for a file of another library; empty for a checkpoint of MindSpore.
    """

    model: str
    config_file: str
    file: str
    sha256: str
    licence: str
    trained_on: str
    stated: str
    sources: tuple[Source, ...]
    size: int | None = None
    library: str = ""

    @property
    def checkpoint(self) -> str:
        """Name of the checkpoint that is made of the file, or of the file itself."""
        return str(imported_path(Path(self.file))) if self.library else self.file


def _model_zoo(model: str, file: str, stated: str, sha256: str) -> PublishedWeights:
    config_file = f"{model}_config.yaml"
    return PublishedWeights(model, config_file, file, sha256, "Apache-2.0", "COCO 2017, 80 classes", stated,
                            (Url(MODEL_ZOO + file),))


def _mindcv(model: str, network: str, file: str, stated: str) -> PublishedWeights:
    digest = Path(file).stem.rpartition("-")[2]
    return PublishedWeights(model, f"ssd_mindcv_{network}_config.yaml", file, digest, "Apache-2.0",
                            "COCO 2017, 80 classes", stated, (Url(MINDCV + file),), library="mindcv")


PUBLISHED = {
    "ssd_mobilenet_v2_openimages": PublishedWeights(
        model="ssd_mobilenet_v2",
        config_file="ssd_mobilenet_v2_openimages_config.yaml",
        file="object_detection_ssd_mobilenetv2_oidv4_fp16.tflite",
        sha256="d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6",
        licence="Apache-2.0",
        trained_on="Open Images V4, 23 classes",
        stated="",
        sources=(
            Url("https://storage.googleapis.com/mediapipe-assets/object_detection_ssd_mobilenetv2_oidv4_fp16.tflite"),
            NpmPackage("@mediapipe/objectron@0.4.1675468480", "package/objectron_solution_packed_assets.data", 184),
        ),
        size=9_987_728,
        library="tensorflow",
    ),
    "ssd300_coco": _model_zoo(
        "ssd300", "ssd300_ascend_v1100_coco2017_official_cv_acc23.ckpt", "23",
        "d0b0449bab807e03528c88498425921a7a43a8d97fdd92bed6cf25d5b3379b07"),
    "ssd_mobilenet_v1_fpn_coco": _model_zoo(
        "ssd_mobilenet_v1_fpn", "ssdmobilenetv1fpn_ascend_v1100_coco2017_official_cv_acc35.11.ckpt", "35.1",
        "5ff919cd507500f18f184c9174d66336edd2afcf8e18d6d9fc85a6d5bd59d4a8"),
    "ssd_resnet50_fpn_coco": _model_zoo(
        "ssd_resnet50_fpn", "ssdresnet50fpn_ascend_v1100_coco2017_official_cv_acc37.56.ckpt", "37.6",
        "5bf0dc1251ceca4bccc7fa1c42b972188901bf668c4fdf08b0856f6fb3a2bcd1"),
    "ssd_vgg16_coco": _model_zoo(
        "ssd_vgg16", "ssdvgg16_ascend_v1100_coco2017_official_cv_acc23.39.ckpt", "23.4",
        "03ee602a3dcecd3999fc8b3bec633467e8a7ce72de02a214e654d2c51430a4fa"),
    "ssd300_vgg16_torchvision": PublishedWeights(
        model="ssd300_vgg16_caffe",
        config_file="ssd300_torchvision_config.yaml",
        file="ssd300_vgg16_coco-b556d3b4.pth",
        sha256="b556d3b4",
        licence="BSD-3-Clause",
        trained_on="COCO 2017, 80 classes",
        stated="25.1",
        sources=(Url("https://download.pytorch.org/models/ssd300_vgg16_coco-b556d3b4.pth"),),
        library="torchvision",
    ),
    "ssd300_vgg16_mmdet": PublishedWeights(
        model="ssd300_vgg16_caffe",
        config_file="ssd300_mmdet_config.yaml",
        file="ssd300_coco_20210803_015428-d231a06e.pth",
        sha256="d231a06e",
        licence="Apache-2.0",
        trained_on="COCO 2017, 80 classes",
        stated="25.5",
        sources=(Url("https://download.openmmlab.com/mmdetection/v2.0/ssd/ssd300_coco/"
                     "ssd300_coco_20210803_015428-d231a06e.pth"),),
        library="mmdet",
    ),
    "ssd_mindcv_mobilenetv2": _mindcv("ssd_mindcv", "mobilenetv2", "ssd_mobilenetv2-5bbd7411.ckpt", "23.2"),
    "ssd_mindcv_mobilenetv3": _mindcv("ssd_mindcv", "mobilenetv3", "ssd_mobilenetv3-53d9f6e9.ckpt", "23.8"),
    "ssd_mindcv_resnet50_fpn": _mindcv("ssd_mindcv_fpn", "resnet50_fpn", "ssd_resnet50_fpn-ac87ddac.ckpt", "38.3"),
}
