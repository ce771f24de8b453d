"""Every configuration key, once: type, default, meaning, allowed values, topic.

The defaults are those of config/ssd300_config.yaml, so a YAML file of one's own only needs what differs.
"""
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from src.config.auto import Auto
from src.config.coco_classes import COCO_CLASSES


@dataclasses.dataclass(frozen=True)
class Rule:
    """A range of allowed values: `test(value)` is true inside it, `text` tells it to the user."""

    text: str
    test: Callable[[Any], bool]


def at_least(low: float) -> Rule:
    return Rule(f">= {low}", lambda value: value >= low)


def above(low: float) -> Rule:
    return Rule(f"> {low}", lambda value: value > low)


def between(low: float, high: float, ends: str = "[]") -> Rule:
    """From `low` to `high`; a round bracket in `ends` leaves that end out."""
    low_rule = at_least(low) if ends[0] == "[" else above(low)
    sign = "<=" if ends[1] == "]" else "<"
    return Rule(
        f"{low_rule.text} and {sign} {high}",
        lambda value: low_rule.test(value) and (value <= high if ends[1] == "]" else value < high),
    )


def _has_at_most_one_placeholder(text: str) -> bool:
    try:
        text.format("")
    except (AttributeError, IndexError, KeyError, ValueError):
        return False
    return True


POSITIVE = above(0)
COUNT = at_least(1)
NOT_NEGATIVE = at_least(0)
DERIVED = -1  # a number that follows from other keys
DERIVED_OR_COUNT = Rule(f">= 1, or {DERIVED} = derived", lambda value: value == DERIVED or value >= 1)
DATASETS = ("auto", "coco", "voc", "yolo", "labelme", "cvat", "label_studio", "other", "shapes")
NOT_EMPTY = Rule("not empty", lambda text: bool(text.strip()))


@dataclasses.dataclass(frozen=True)
class Key:
    """What there is to know about a key of the configuration.

    Attributes:
        name: as in a YAML file and on the command line.
        type: of the value in `Config`; lists become tuples.
        default: the value where neither a file nor the command line gives one.
        topic: heading below which `--help` and `--print_config` show it.
        help: what it means.
        affects_result: each step of a training run depends on it, so that `--resume` compares it with that of the run.
            What a run starts from and where its files lie is not compared.
        rule: holds for the value or, in a list, for each element.
        choices: the texts that are allowed, in any case.
        length: exact number of elements.
        empty_is: what an empty text or null stands for.
        or_bool: a text can also be true ('True') or false (''); the flag alone means true.
        or_auto: `auto` leaves the choice to train.py.
    """

    name: str
    type: Any
    default: Any
    topic: str
    help: str
    affects_result: bool
    rule: Rule | None = None
    choices: tuple[str, ...] = ()
    length: int | None = None
    empty_is: str = ""
    or_bool: bool = False
    or_auto: bool = False


def _key(topic: str, default: Any, meaning: str, rule: Rule | None = None, **others: Any) -> Any:
    """A field of `Config`, with what its `Key` says; `others` are attributes of `Key` too."""
    return dataclasses.field(default=default, metadata={"topic": topic, "help": meaning, "rule": rule, **others})


_model = functools.partial(_key, "Model and boxes", affects_result=True)
_train = functools.partial(_key, "Loss, optimiser, precision", affects_result=True)
_eval = functools.partial(_key, "Evaluation", affects_result=False)
_ckpt = functools.partial(_key, "Checkpoints", affects_result=False)
_data = functools.partial(_key, "Data", affects_result=False)
_run = functools.partial(_key, "Run", affects_result=False)
_export = functools.partial(_key, "Export", affects_result=False)


@dataclasses.dataclass(frozen=True)
class Config:
    """All settings of a run, read-only; one attribute per YAML key, lists as (nested) tuples.

    `load_config` is the way to get one: it checks the values and derives `num_classes` and `num_ssd_boxes`.
    """

    model_name: str = _model("ssd300", "detector to build, a name of the model table", NOT_EMPTY)
    img_shape: tuple[int, ...] = _model((300, 300), "height and width of the network's input, pixels", COUNT, length=2)
    input_size: int = _model(0, "side of a square input in place of img_shape; feature_size, steps and the scales of "
                             "the default boxes then follow, so that default boxes stay as large in pixels; auto: "
                             "train.py chooses it by the sizes of the objects; 0: img_shape", NOT_NEGATIVE,
                             or_auto=True)
    num_classes: int = _model(-1, "number of classes, background included; -1 or left out: derived from classes",
                              DERIVED_OR_COUNT)
    classes: tuple[str, ...] = _model(COCO_CLASSES, "class names in label order, first the background; auto: train.py "
                                      "takes the classes that the annotations name", NOT_EMPTY, or_auto=True)
    use_anchor_generator: bool = _model(False, "default boxes from a grid of anchors (FPN models) instead of MultiBox")
    num_ssd_boxes: int = _model(-1, "number of default boxes; -1 or left out: derived", DERIVED_OR_COUNT)
    num_default: tuple[int, ...] = _model((3, 6, 6, 6, 6, 6), "default boxes per location, one number a level", COUNT)
    feature_size: tuple[int, ...] = _model((19, 10, 5, 3, 2, 1), "height (and width) of the feature map of each level",
                                           COUNT)
    steps: tuple[int, ...] = _model((16, 32, 64, 100, 150, 300), "stride of each level, pixels of the input",
                                    COUNT)
    min_scale: float = _model(0.2, "size of the default boxes of the first level, fraction of the input", POSITIVE)
    max_scale: float = _model(0.95, "size of the default boxes of the last level, fraction of the input", POSITIVE)
    reduced_scale: float = _model(0.1, "size of the small square of a first level without aspect ratios, fraction of "
                                  "the input", POSITIVE)
    aspect_ratios: tuple[tuple[float, ...], ...] = _model(
        ((), (2, 3), (2, 3), (2, 3), (2, 3), (2, 3)),
        "aspect ratios besides 1 of each level, each also as its inverse; without effect with use_anchor_generator",
        POSITIVE)
    anchor_sizes: tuple[float, ...] = _model(
        (), "size of the default boxes of each level and one more, pixels of the input, as the original SSD has them; "
        "empty: by min_scale and max_scale", POSITIVE)
    anchor_scale: float = _model(4.0, "with use_anchor_generator, side of the smaller square of a level, in strides",
                                 POSITIVE)
    anchors_within_image: bool = _model(False, "with anchor_sizes, no side of a default box is longer than the input's")
    prior_scaling: tuple[float, ...] = _model((0.1, 0.2), "scales of encoded centre offsets and of encoded log sizes",
                                              POSITIVE, length=2)
    image_mean: tuple[float, ...] = _model((0.485, 0.456, 0.406), "mean that is subtracted from the input: red, green, "
                                           "blue in 0 .. 1", NOT_NEGATIVE, length=3)
    image_std: tuple[float, ...] = _model((0.229, 0.224, 0.225), "standard deviation by which the input is then "
                                          "divided: red, green, blue", POSITIVE, length=3)
    float_resize: bool = _model(False, "evaluation and prediction: do not round the values of resized images to whole "
                                "numbers", affects_result=False)
    match_threshold: float = _model(0.5, "least IoU at which a default box is matched to a ground-truth box",
                                    between(0, 1, "(]"))
    extras_in_channels: tuple[int, ...] = _model((256, 576, 1280, 512, 256, 256), "input channels of each level", COUNT)
    extras_out_channels: tuple[int, ...] = _model((576, 1280, 512, 256, 256, 128), "output channels of each level",
                                                   COUNT)
    extras_strides: tuple[int, ...] = _model((1, 1, 2, 2, 2, 2), "strides of the extra layers", COUNT)
    extras_ratio: tuple[float, ...] = _model((0.2, 0.2, 0.2, 0.25, 0.5, 0.25), "expansion ratios of the extra layers",
                                             POSITIVE)
    num_addition_layers: int = _model(4, "convolutions shared by the levels in each head of the FPN models",
                                      NOT_NEGATIVE)
    use_depthwise: bool = _model(False, "model ssd_mobilenet_v2: extra layers and heads of depthwise separable "
                                 "convolutions (SSDLite)")
    backbone: str = _model("", "models ssd_mindcv and ssd_mindcv_fpn: name of the MindCV model that is the backbone")
    backbone_out_indices: tuple[int, ...] = _model((), "MindCV backbone: numbers of its features that are used, "
                                                   "ascending (MindCV's out_indices)", NOT_NEGATIVE)
    backbone_expand_channels: int = _model(0, "MindCV backbone: channels to which a 1x1 convolution expands the first "
                                           "feature; 0: left as it is", NOT_NEGATIVE)
    backbone_expand_activation: str = _model("relu6", "MindCV backbone: activation after that convolution",
                                             choices=("relu6", "hswish"))
    ssd_vgg_bn: bool = _model(False, "VGG16 backbone with BatchNorm")
    pretrain_vgg_bn: bool = _model(False, "the VGG16 checkpoint of feature_extractor_base_param has BatchNorm",
                                   affects_result=False)

    gamma: float = _train(2.0, "focusing exponent of the focal loss", NOT_NEGATIVE)
    alpha: float = _train(0.75, "weight of the positive term of the focal loss", between(0, 1))
    lr_init: float = _train(0.001, "learning rate at the start of the warm-up", POSITIVE)
    lr: float = _train(0.05, "learning rate after the warm-up; auto: train.py chooses it, for fine-tuning, by the loss "
                       "before training", POSITIVE, or_auto=True)
    lr_batch_size: int = _train(0, "number of images of an update, on all ranks together, that lr and lr_init are for: "
                                "they grow and shrink in proportion to it; 0: they stay", NOT_NEGATIVE)
    lr_end_rate: float = _train(0.001, "learning rate at the end, as a fraction of lr", NOT_NEGATIVE)
    warmup_epochs: float = _train(2, "length of the linear warm-up, epochs", NOT_NEGATIVE)
    backbone_lr_scale: float = _train(1.0, "learning rate of the backbone, as a fraction of that of the other layers; "
                                      "auto: see lr", between(0, 1, "(]"), or_auto=True)
    epoch_size: int = _train(500, "number of training epochs; auto: train.py chooses it by the number of images", COUNT,
                             or_auto=True)
    batch_size: int = _train(32, "images per device and step, also for evaluation and export; auto: train.py chooses "
                             "it by the memory and the number of images", COUNT, or_auto=True)
    accumulation_steps: int = _train(1, "steps whose gradients are averaged for one update of the weights", COUNT)
    use_ema: bool = _train(False, "keep an exponential moving average (EMA) of the weights, for evaluation while "
                           "training and best_map.ckpt")
    ema_decay: float = _train(0.999, "largest decay of the EMA in a step", between(0, 1, "[)"))
    momentum: float = _train(0.9, "momentum of the optimiser", between(0, 1, "[)"))
    weight_decay: float = _train(0.00015, "weight decay", NOT_NEGATIVE)
    loss_scale: float = _train(1024, "factor on the loss against underflow in float16; always 1 on a CPU, unless "
                               "dynamic_loss_scale adapts it", POSITIVE)
    dynamic_loss_scale: bool = _train(False, "adapt the loss scale; steps that overflow are skipped and counted")
    use_global_norm: bool = _train(False, "clip the gradients to global norm clip_norm")
    clip_norm: float = _train(1.0, "use_global_norm: largest norm of all gradients of a step together", POSITIVE)
    use_float16: bool = _train(False, "the whole network computes in float16")
    amp_level: str = _train("O0", "automatic mixed precision level", choices=("O0", "O1", "O2", "O3"))
    all_reduce_fusion_config: tuple[int, ...] = _train(
        (29, 58, 89), "indexes of parameters whose gradient ends a group that is reduced together, on Ascend and GPU; "
        "[]: one group of all", NOT_NEGATIVE)

    nms_threshold: float = _eval(0.6, "NMS: IoU above which the box with the lower score of two of a class is removed",
                                 between(0, 1, "(]"))
    min_score: float = _eval(0.1, "confidence threshold: only detections with a higher score count",
                             between(0, 1, "[)"))
    coco_min_score: float = _eval(0.01, "the same for the numbers of the protocol 'coco'", between(0, 1, "[)"))
    max_boxes: int = _eval(100, "most detections per class and image", COUNT)
    eval_protocol: str = _eval("reference", "'reference': images with a crowd box or without any box are left out; "
                               "'coco': all images, nothing filtered or rounded", choices=("reference", "coco"))
    report: bool = _eval(False, "eval.py, eval_onnx.py: write report.html, with plots and pictures of errors")
    report_score: float = _eval(0.3, "report: detections of a lower score count for nothing but average precision",
                                between(0, 1))
    target_precision: float = _eval(0.0, "evaluation: also look for the lowest score from which detections have this "
                                    "precision; 0: do not", between(0, 1))
    target_recall: float = _eval(0.0, "evaluation: also look for the highest score from which detections have this "
                                 "recall; 0: do not", between(0, 1))
    tiles: bool = _eval(False, "eval.py, eval_onnx.py, predict.py: cut images that are larger than a tile into "
                        "overlapping tiles, for small objects in large images")
    tile_size: int = _eval(0, "tiles: longer side of a tile in pixels of the image; 0: that of the network's input",
                           NOT_NEGATIVE)
    tile_overlap: float = _eval(0.2, "tiles: share of a tile that the next one repeats; objects that are smaller lie "
                                "whole in one of them", between(0, 1, "[)"))
    run_eval: bool = _eval(False, "evaluate while training")
    eval_start_epoch: int = _eval(40, "first epoch after which run_eval evaluates", COUNT)
    eval_interval: int = _eval(1, "epochs from one such evaluation to the next", COUNT)
    early_stopping: int = _eval(0, "with run_eval, end the run after so many evaluations without a better mAP; 0: "
                                "never", NOT_NEGATIVE)
    export_best: bool = _eval(False, "train.py: at the end, export the best weights to an ONNX file that needs nothing "
                              "else, and draw its detections in evaluation images")
    save_best_ckpt: bool = _eval(True, "with run_eval, keep the weights with the best mAP as best_map.ckpt")

    save_checkpoint_epochs: int = _ckpt(10, "epochs from one checkpoint to the next", COUNT)
    keep_checkpoint_max: int = _ckpt(5, "number of most recent checkpoints to keep", COUNT)
    pre_trained: str = _ckpt("", "checkpoint to start training from; empty: none")
    pre_trained_epoch_size: int = _ckpt(0, "epochs that pre_trained was trained for", NOT_NEGATIVE, affects_result=True)
    resume: str = _ckpt("", "train.py resumes an interrupted run exactly where it was: True takes the newest whole "
                        "checkpoint in output_path, a name that checkpoint; without a checkpoint, a run begins",
                        or_bool=True)
    filter_weight: bool = _ckpt(False, "do not load the weights of pre_trained that checkpoint_filter_list names")
    class_head_init: str = _ckpt("random", "with filter_weight, what the class heads begin with: random leaves out "
                                 "what checkpoint_filter_list names; background converts the heads of pre_trained for "
                                 "other classes, which begin as any object", choices=("random", "background"))
    checkpoint_filter_list: tuple[str, ...] = _ckpt(("multi_loc_layers", "multi_cls_layers"),
                                                    "parts of parameter names that filter_weight leaves out", NOT_EMPTY)
    feature_extractor_base_param: str = _ckpt("", "classification checkpoint for the backbone, or the name of weights "
                                              "that a package brings, such as efficientnet_lite0; empty: from scratch")
    freeze_layer: str = _ckpt("none", "part of the network that is not trained", choices=("none", "backbone"),
                              empty_is="none", affects_result=True)
    freeze_parts: tuple[str, ...] = _ckpt((), "parts of the backbone that are not trained, by the beginning of their "
                                          "names, such as stem or blocks.0; auto: see lr", NOT_EMPTY, or_auto=True,
                                          affects_result=True)
    checkpoint_path: str = _ckpt("./checkpoint/",
                                 "folder in which checkpoints are looked for that are not found as they stand")
    checkpoint_file_path: str = _ckpt("ssd-500_458.ckpt", "checkpoint file to evaluate or export")
    load_path: str = _ckpt("", "folder to which ModelArts copies checkpoints; empty: none")

    data: str = _data("", "folder with images and annotations of any format, absolute, below data_path, or below the "
                      "working directory; empty: the keys of the format that dataset names")
    dataset: str = _data("coco", "kind of annotations; auto: found by looking into data; 'other' is a TXT list, "
                         "'shapes' is demo data to be drawn by download_dataset.py", choices=DATASETS,
                         affects_result=True)
    data_path: str = _data("./data", "folder of the datasets")
    output_path: str = _data("./output", "folder of checkpoints and results", NOT_EMPTY)
    mindrecord_dir: str = _data("MindRecord_COCO", "folder of the converted data, absolute or below data_path",
                                NOT_EMPTY)
    coco_root: str = _data("coco_ori", "COCO dataset, absolute or below data_path")
    train_data_type: str = _data("train2017", "name of the training split", NOT_EMPTY, affects_result=True)
    val_data_type: str = _data("val2017", "name of the evaluation split", NOT_EMPTY)
    instances_set: str = _data("annotations/instances_{}.json",
                               "COCO annotation file below coco_root; {} stands for the split",
                               Rule("with {} for the split, at most once", _has_at_most_one_placeholder))
    voc_root: str = _data("voc_dataset", "VOC dataset, absolute or below data_path")
    voc_json: str = _data("annotations/voc_instances_val.json",
                          "COCO annotation file that is made of the VOC evaluation split, below voc_root; empty: "
                          "none")
    image_dir: str = _data("", "images of dataset 'other', absolute or below data_path")
    anno_path: str = _data("", "annotation list of dataset 'other', absolute or below data_path")
    val_image_dir: str = _data("", "evaluation images of dataset 'other'; empty: image_dir")
    val_anno_path: str = _data("", "evaluation annotation list of dataset 'other'; empty: that of training, with a "
                               "warning, unless val_share says otherwise")
    val_share: float = _data(0.0, "share of the training images that is held out to evaluate with, where the dataset "
                             "has no evaluation part; 0: none", between(0, 1, "[)"), affects_result=True)
    keep_other_sizes: bool = _data(False, "also use images whose size is not the annotated one; otherwise they are "
                                   "left out, because their boxes may be beside the objects", affects_result=True)
    keep_empty: bool = _data(False, "also train on images without objects, so that the detector finds nothing there",
                             affects_result=True)
    empty_share: float = _data(0.2, "keep_empty: largest share of the images of an epoch that have no objects; which "
                               "ones differs from epoch to epoch", between(0, 1, "[)"), affects_result=True)
    repeat_threshold: float = _data(0.0, "images of classes that are in a smaller share of the images are repeated in "
                                    "an epoch, up to as often as the root of the quotient of both; 0: none",
                                    between(0, 1), affects_result=True)
    exif: str = _data("upright", "photographs that their EXIF data say to turn: 'upright' turns them, and boxes are of "
                      "the upright image; 'stored' takes them as they are stored", choices=("upright", "stored"),
                      affects_result=True)
    only_create_dataset: bool = _data(False, "stop when the data is converted to MindRecord")
    scale_jitter: tuple[float, ...] = _data((), "augmentation: least and largest factor of a random zoom, in place of "
                                            "the random crop; empty: none; auto: train.py chooses by how much the "
                                            "sizes of objects differ", POSITIVE, or_auto=True, affects_result=True)
    mosaic: float = _data(0.0, "augmentation: probability that an image is put together with three others of its batch",
                          between(0, 1), affects_result=True)
    mosaic_close_epochs: int = _data(10, "mosaic: none in so many last epochs", NOT_NEGATIVE, affects_result=True)
    num_parallel_workers: int = _data(0, "workers that prepare batches; 0: chosen by device and number of cores",
                                      NOT_NEGATIVE)
    benchmark_data: bool = _data(False, "train.py: only report how many images a second each stage of the data "
                                 "pipeline takes")
    check_dataset: bool = _data(False, "train.py: only check the dataset: numbers, plots, annotated pictures, and "
                                "what to set")

    device_target: str = _run("Ascend", "device to run on", choices=("Ascend", "GPU", "CPU"), affects_result=True)
    device_id: int = _run(0, "index of the device", NOT_NEGATIVE)
    device_num: int = _run(1, "number of devices of a distributed run", COUNT)
    run_distribute: bool = _run(False, "data-parallel training on several devices")
    mode_sink: str = _run("sink", "hand whole epochs to the device ('sink'); always off on a CPU",
                          choices=("sink", "non_sink"))
    seed: int = _run(1, "seed of all random numbers", between(0, 2**32 - 1), affects_result=True)
    cpu_kernels: bool = _run(True, "on a CPU, train and evaluate with kernels of our own, compiled when first needed "
                              "(in float32, where there is a C++ compiler)", affects_result=True)
    cpu_precision: str = _run("fp32", "precision of the kernels on a CPU; 'bf16': products of bfloat16 with sums in "
                              "float32; 'auto': bf16 where the processor has instructions for it, else fp32",
                              choices=("fp32", "bf16", "auto"), affects_result=True)
    cpu_threads: int = _run(0, "threads of the computation on a CPU; 0: all cores", NOT_NEGATIVE)
    tensorboard: bool = _run(False, "train.py: also write losses, rates, mAP for TensorBoard (needs tensorboardX)")
    enable_profiling: bool = _run(False, "record a profile of the run below output_path")
    enable_modelarts: bool = _run(False, "run on ModelArts: copy data in and results out; data_path, output_path and "
                                  "load_path become its /cache folders unless they are set on the command line")
    data_url: str = _run("", "ModelArts: address of the dataset")
    train_url: str = _run("", "ModelArts: address for the results")
    checkpoint_url: str = _run("", "ModelArts: address of the checkpoint")
    global_step: int = _run(0, "without effect, accepted for older files")

    file_name: str = _export("ssd", "name of the exported model; ONNX file for ONNX evaluation", NOT_EMPTY)
    file_format: str = _export("MINDIR", "format of the exported model", choices=("MINDIR", "AIR", "ONNX"))
    verify: bool = _export(True, "compare the exported file with the network")
    dynamic_batch: bool = _export(False, "ONNX: any number of images; batch_size is then without effect")
    with_preprocess: bool = _export(False, "ONNX: the file takes uint8 images (height, width, RGB) and normalises them")
    with_nms: bool = _export(False, "ONNX: the file contains NMS, by min_score, nms_threshold and max_boxes, and gives "
                             "boxes in pixels")
    precision: str = _export("fp32", "ONNX: precision of the network; int8 is calibrated on the training data",
                             choices=("fp32", "fp16", "int8"))
    calibration_images: int = _export(100, "ONNX, int8: number of images for the calibration", COUNT)
    float_heads: bool = _export(False, "ONNX, int8: the last convolutions stay in float32")
    result_path: str = _export("", "postprocess.py: folder of the .bin files of the C++ program")
    img_path: str = _export("", "postprocess.py: folder of the images")
    benchmark: bool = _export(False, "eval.py, eval_onnx.py: measure the speed instead of evaluating")
    benchmark_batch_sizes: tuple[int, ...] = _export((), "benchmark: batch sizes; empty: the file's, or 1 and 32",
                                                     COUNT)
    benchmark_threads: tuple[int, ...] = _export((), "benchmark of ONNX files: numbers of threads; empty: cpu_threads",
                                                 COUNT)
    benchmark_images: int = _export(256, "benchmark: images of each measurement", COUNT)
    drop: bool = _export(False, "postprocess.py: leave out images with a crowd box or without a box of a known class")

    @property
    def half_precision(self) -> bool:
        """Whether the network, or a part of it, computes in float16."""
        return self.use_float16 or self.amp_level != "O0"

    def is_auto(self, key: str) -> bool:
        """Whether `auto` of that key is not resolved yet, so that its value cannot be read."""
        return isinstance(getattr(self, key), Auto)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of all keys; tuples become lists, and what is not chosen yet is as in a file."""
        return {field.name: _as_list(getattr(self, field.name)) for field in dataclasses.fields(self)}


def _as_list(value: Any) -> Any:
    if isinstance(value, Auto):
        return value.written
    return [_as_list(item) for item in value] if isinstance(value, tuple) else value


@dataclasses.dataclass
class OlderKeys:
    """Keys of older files, each the name of another key after `auto_`: true is `auto` as the value of that key."""

    auto_classes: bool = _model(False, "classes: auto says the same")
    auto_epoch_size: bool = _train(False, "epoch_size: auto says the same")
    auto_batch_size: bool = _train(False, "batch_size: auto says the same")


def _keys_of(fields_of: type) -> dict[str, Key]:
    return {field.name: Key(field.name, field.type, field.default, **field.metadata)
            for field in dataclasses.fields(fields_of)}


KEYS = _keys_of(Config)
OLDER_KEYS = _keys_of(OlderKeys)


def keys_by_topic() -> dict[str, list[Key]]:
    """The keys below their headings, both in the order of the schema."""
    topics: dict[str, list[Key]] = {}
    for key in KEYS.values():
        topics.setdefault(key.topic, []).append(key)
    return topics
