"""A small drawn COCO dataset: six classes of coloured shapes on textured backgrounds.

It lets conversion, training, evaluation and the tests run without any download. Every image depends on the seed and on
its own number only: the same call gives the same files, and a larger dataset begins with the same images.
"""
import colorsys
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from src.utils.errors import UserError
from src.utils.files import whole_folder, write_json

logger = logging.getLogger(__name__)
SHAPE_CLASSES = ("circle", "square", "triangle", "star", "cross", "ring")
SPLITS = ("train", "val")
Object = dict[str, Any]  # category_id, iscrowd, mask, full_mask
FIRST_IMAGE_ID = {"train": 1, "val": 100001}
DESCRIPTION = "Drawn shapes for SSD"
DRAWING_VERSION = 1  # raise it whenever the images change: existing datasets are then drawn again
CROWD_EVERY, CROWD_AT = 15, 4  # images 4, 19, 34, ... of a split show a crowd
EMPTY_EVERY, EMPTY_AT = 15, 9  # images 9, 24, 39, ... show no object
SIZE_RANGE = (0.2, 0.5)  # of the shorter image side
MAX_HIDDEN = 0.15  # share of an object that later ones may cover
MIN_INSIDE = 0.45  # share of a truncated object that is inside the image
CLASS_HUE_SHARE = 0.8  # share of the objects that have the hue of their class; the others have any hue
MAX_TRIES = 40  # places that are tried for an object
JPEG_QUALITY = 93
SUBPIXEL_BITS = 4


def draw_shapes_dataset(folder: Path | str, num_train: int = 240, num_val: int = 60, seed: int = 1) -> bool:
    """Draws the dataset into `folder` unless it is there already; returns True when it was drawn.

    Layout: `train/*.jpg`, `val/*.jpg`, `annotations/instances_train.json`, `annotations/instances_val.json`.
    A dataset that lacks files or was drawn with other settings is replaced. A folder that holds anything else is left
    alone: `UserError`. The folder appears whole or not at all.
    """
    folder = Path(folder)
    counts = {"train": num_train, "val": num_val}
    if _is_complete(folder, counts, seed):
        logger.info("shapes: %s is complete, kept", folder)
        return False
    if not _may_replace(folder):
        raise UserError(f"{folder} exists and is not a drawn shapes dataset. Move or delete it, or choose another "
                        "--data_path.")
    with whole_folder(folder) as part:
        for split in SPLITS:
            _draw_split(part, split, counts[split], seed)
    logger.info("shapes: drew %d training and %d validation images in %s", num_train, num_val, folder)
    return True


def draw_image(index: int, image_id: int, seed: int = 1) -> tuple[np.ndarray, list[Object]]:
    """Draws the image number `index` of a split.

    Returns the image `(H, W, 3)` uint8 RGB and its annotations: dictionaries of `category_id` (1 to 6), `iscrowd`,
    `mask`, a boolean `(H, W)` array of the pixels that show the object, and `full_mask`, with those that others cover.
    """
    rng = np.random.default_rng([seed, image_id])
    height, width = (int(side) for side in rng.integers(300, 401, size=2))
    canvas = _draw_background(height, width, rng)
    objects: list[Object] = []
    if index % EMPTY_EVERY != EMPTY_AT:
        is_crowd_image = index % CROWD_EVERY == CROWD_AT
        if is_crowd_image:
            objects.append(_draw_crowd(canvas, rng))
        num_objects = int(rng.integers(1, 3) if is_crowd_image else rng.integers(1, 7))
        for _ in range(num_objects):
            _add_object(canvas, objects, num_objects, rng)
    noise = rng.normal(0.0, rng.uniform(0.005, 0.02), size=canvas.shape)
    image = np.clip(np.rint((canvas + noise) * 255.0), 0, 255).astype(np.uint8)
    return image, objects


def encode_rle(mask: np.ndarray) -> dict[str, list[int]]:
    """Uncompressed COCO run lengths of a boolean `(H, W)` mask; `pycocotools.mask.encode` gives compressed ones only.

    Counts run down the columns and begin with the zeros (cocoapi, `maskApi.h`).
    """
    flat = np.concatenate([[False], mask.ravel(order="F"), [False]])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    if changes.size and changes[-1] == mask.size:
        changes = changes[:-1]
    counts = np.diff(np.concatenate([[0], changes, [mask.size]]))
    return {"size": [int(side) for side in mask.shape], "counts": [int(count) for count in counts]}


def mask_box(mask: np.ndarray) -> list[float]:
    """The tight box of a boolean mask that is not empty: COCO order x, y, width, height, in pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [float(columns[0]), float(rows[0]),
            float(columns[-1] - columns[0] + 1), float(rows[-1] - rows[0] + 1)]


def _draw_split(folder: Path, split: str, num_images: int, seed: int) -> None:
    (folder / split).mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(num_images):
        image_id = FIRST_IMAGE_ID[split] + index
        image, objects = draw_image(index, image_id, seed)
        file_name = f"{image_id:012d}.jpg"
        _write_jpeg(folder / split / file_name, image)
        images.append({"id": image_id, "file_name": file_name, "height": image.shape[0], "width": image.shape[1]})
        for item in objects:
            annotations.append({
                "id": len(annotations) + FIRST_IMAGE_ID[split],
                "image_id": image_id,
                "category_id": item["category_id"],
                "iscrowd": item["iscrowd"],
                "bbox": mask_box(item["mask"]),
                "area": float(item["mask"].sum()),
                "segmentation": encode_rle(item["mask"]),
            })
    write_json(folder / "annotations" / f"instances_{split}.json", {
        "info": _info(num_images, seed),
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name, "supercategory": "shape"}
                       for number, name in enumerate(SHAPE_CLASSES, start=1)],
    }, indent=None)


def _info(num_images: int, seed: int) -> dict[str, Any]:
    return {"description": DESCRIPTION, "version": DRAWING_VERSION, "num_images": num_images, "seed": seed}


def _write_jpeg(path: Path, image: np.ndarray) -> None:
    # imencode and not imwrite: the latter cannot open every path on Windows.
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    path.write_bytes(data.tobytes())


def _read_annotations(folder: Path, split: str) -> dict[str, Any]:
    try:
        with open(folder / "annotations" / f"instances_{split}.json", encoding="utf-8") as stream:
            content = json.load(stream)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_complete(folder: Path, counts: Mapping[str, int], seed: int) -> bool:
    for split in SPLITS:
        content = _read_annotations(folder, split)
        if content.get("info") != _info(counts[split], seed):
            return False
        files = (folder / split / image["file_name"] for image in content["images"])
        if not all(file.is_file() and file.stat().st_size > 0 for file in files):
            return False
    return True


def _may_replace(folder: Path) -> bool:
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    infos = (_read_annotations(folder, split).get("info") for split in SPLITS)
    is_drawn = any(isinstance(info, dict) and info.get("description") == DESCRIPTION for info in infos)
    return is_drawn or not any(folder.iterdir())


def _draw_background(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A canvas `(H, W, 3)` float32 RGB in [0, 1]: dull colours, so that the saturated objects stand out."""
    first, second = (_colour(rng.uniform(), rng.uniform(0.0, 0.22), rng.uniform(0.2, 0.9)) for _ in range(2))
    style = rng.integers(5)
    if style == 0:
        blend = _ramp(height, width, rng)
    elif style == 1:
        blend = _clouds(height, width, rng)
    elif style == 2:
        blend = 0.5 + 0.5 * np.sin(_ramp(height, width, rng) * rng.uniform(20, 70))
    elif style == 3:
        cell = int(rng.integers(18, 60))
        rows, columns = np.indices((height, width)) // cell
        blend = ((rows + columns) % 2).astype(np.float32)
    else:
        blend = _clouds(height, width, rng) * _ramp(height, width, rng)
    contrast = rng.uniform(0.3, 0.7) if style in (2, 3) else 1.0
    canvas = first + (contrast * blend)[..., None].astype(np.float32) * (second - first)
    canvas += 0.10 * (_clouds(height, width, rng)[..., None] - 0.5)
    return np.clip(canvas, 0.0, 1.0).astype(np.float32)


def _ramp(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0.0, 2.0 * np.pi)
    rows, columns = np.indices((height, width)).astype(np.float32)
    ramp = np.cos(angle) * columns / width + np.sin(angle) * rows / height
    return (ramp - ramp.min()) / (ramp.max() - ramp.min())


def _clouds(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise in [0, 1]: the sum of coarse random grids, enlarged."""
    total = np.zeros((height, width), np.float32)
    for cells, weight in ((3, 1.0), (8, 0.5), (24, 0.25)):
        grid = rng.random((cells, cells), dtype=np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    return (total - total.min()) / (total.max() - total.min())


def _colour(hue: float, saturation: float, value: float) -> np.ndarray:
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value), np.float32)


def _outlines(name: str) -> list[np.ndarray]:
    """Closed outlines, arrays `(n, 2)` of x, y within the unit circle; a second outline is a hole."""
    turn = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    if name == "circle":
        return [circle]
    if name == "ring":
        return [circle, 0.55 * circle]
    if name == "square":
        return [np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 0.85]
    if name == "triangle":
        return [_regular(3, [1.0])]
    if name == "star":
        return [_regular(10, [1.0, 0.42])]
    arm = 0.32
    quarter = np.array([[arm, -1], [arm, -arm], [1, -arm]])
    return [np.concatenate([quarter @ _rotation(k * np.pi / 2).T for k in range(4)])]


def _regular(corners: int, radii: Sequence[float]) -> np.ndarray:
    """Corners at equal angles, beginning at the top, at the given radii in turn."""
    turn = np.arange(corners) * 2.0 * np.pi / corners - np.pi / 2.0
    return np.stack([np.cos(turn), np.sin(turn)], axis=1) * np.resize(radii, corners)[:, None]


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _place(name: str, size: float, centre: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """The outlines of a shape of about `size` pixels around `centre` (x, y), turned and stretched a little."""
    stretch = np.exp(rng.uniform(-0.18, 0.18))
    scale = 0.5 * size * np.array([stretch, 1.0 / stretch])
    rotation = _rotation(rng.uniform(-0.4, 0.4))
    return [(outline @ rotation.T) * scale + centre for outline in _outlines(name)]


def _rasterise(outlines: Sequence[np.ndarray], height: int, width: int) -> np.ndarray:
    """Coverage `(H, W)` float32 in [0, 1]; even-odd rule, so that a second outline is a hole."""
    coverage = np.zeros((height, width), np.uint8)
    points = [np.rint(outline * (1 << SUBPIXEL_BITS)).astype(np.int32) for outline in outlines]
    cv2.fillPoly(coverage, points, (255,), cv2.LINE_AA, SUBPIXEL_BITS)
    return coverage.astype(np.float32) / 255.0


def _full_area(outlines: Sequence[np.ndarray]) -> float:
    """Area in square pixels, also of what lies outside the image: the shoelace formula, holes subtracted."""
    areas = [0.5 * abs(np.sum(points[:, 0] * np.roll(points[:, 1], -1) - points[:, 1] * np.roll(points[:, 0], -1)))
             for points in outlines]
    return areas[0] - sum(areas[1:])


def _add_object(canvas: np.ndarray, objects: list[Object], num_objects: int, rng: np.random.Generator) -> None:
    """Draws one object where it covers little of the others; after `MAX_TRIES` the image stays as it is."""
    height, width = canvas.shape[:2]
    largest = SIZE_RANGE[1] if num_objects <= 3 else 0.75 * SIZE_RANGE[1]
    for _ in range(MAX_TRIES):
        category = int(rng.integers(len(SHAPE_CLASSES)))
        size = rng.uniform(SIZE_RANGE[0], largest) * min(height, width)
        is_truncated = rng.random() < 0.12
        margin = 0.1 * size if is_truncated else 0.62 * size
        centre = rng.uniform([margin, margin], [width - margin, height - margin])
        outlines = _place(SHAPE_CLASSES[category], size, centre, rng)
        coverage = _rasterise(outlines, height, width)
        mask = coverage >= 0.5
        if mask.sum() < MIN_INSIDE * _full_area(outlines):
            continue
        if any((mask & item["full_mask"]).sum() > MAX_HIDDEN * min(item["full_mask"].sum(), mask.sum())
               for item in objects):
            continue
        # Two objects on one spot, ring around circle, would share their box: boxes may overlap little too.
        if any(_box_cover(mask_box(mask), mask_box(item["full_mask"])) > 0.5 for item in objects):
            continue
        for item in objects:
            item["mask"] = item["mask"] & ~mask
        _paint(canvas, outlines, coverage, _object_colour(category, rng), size, rng)
        objects.append({"category_id": category + 1, "iscrowd": 0, "mask": mask, "full_mask": mask})
        return


def _box_cover(first: Sequence[float], second: Sequence[float]) -> float:
    """Intersection of two x, y, width, height boxes as a share of the smaller one."""
    sides = [max(0.0, min(first[axis] + first[axis + 2], second[axis] + second[axis + 2])
                 - max(first[axis], second[axis])) for axis in (0, 1)]
    return sides[0] * sides[1] / min(first[2] * first[3], second[2] * second[3])


def _draw_crowd(canvas: np.ndarray, rng: np.random.Generator) -> Object:
    """Draws many small shapes of one class that overlap, annotated as one crowd."""
    height, width = canvas.shape[:2]
    shorter = min(height, width)
    category = int(rng.integers(len(SHAPE_CLASSES)))
    middle = rng.uniform([0.3 * width, 0.3 * height], [0.7 * width, 0.7 * height])
    union = np.zeros((height, width), bool)
    for _ in range(int(rng.integers(9, 15))):
        size = rng.uniform(0.09, 0.13) * shorter
        centre = middle + rng.uniform(-0.21, 0.21, size=2) * shorter
        outlines = _place(SHAPE_CLASSES[category], size, centre, rng)
        coverage = _rasterise(outlines, height, width)
        _paint(canvas, outlines, coverage, _object_colour(category, rng), size, rng)
        union |= coverage >= 0.5
    return {"category_id": category + 1, "iscrowd": 1, "mask": union, "full_mask": union}


def _object_colour(category: int, rng: np.random.Generator) -> np.ndarray:
    hue = rng.uniform()
    if rng.random() < CLASS_HUE_SHARE:
        hue = category / len(SHAPE_CLASSES) + rng.uniform(-0.06, 0.06)
    return _colour(hue, rng.uniform(0.75, 1.0), rng.uniform(0.7, 1.0))


def _paint(canvas: np.ndarray, outlines: Sequence[np.ndarray], coverage: np.ndarray, colour: np.ndarray, size: float,
           rng: np.random.Generator) -> None:
    """Paints a shape with a soft shading and a darker rim over the canvas, in place."""
    height, width = coverage.shape
    shading = 1.0 + 0.35 * (_ramp(height, width, rng) - 0.5)
    surface = np.clip(colour * shading[..., None], 0.0, 1.0)
    rim = np.zeros((height, width), np.uint8)
    points = [np.rint(outline * (1 << SUBPIXEL_BITS)).astype(np.int32) for outline in outlines]
    cv2.polylines(rim, points, True, (255,), max(1, round(0.035 * size)), cv2.LINE_AA, SUBPIXEL_BITS)
    surface *= 1.0 - 0.45 * (rim.astype(np.float32) / 255.0)[..., None]
    canvas += coverage[..., None] * (surface.astype(np.float32) - canvas)
