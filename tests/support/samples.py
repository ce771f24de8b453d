"""Small datasets that the tests draw into a temporary folder."""
import json
import types

import cv2
import numpy as np
from PIL import Image

from src.dataset.images import is_image_file, read_image_size

CLASSES = ("background", "cat", "dog")


def write_image(path, height=60, width=80, seed=0):
    """A smooth random image, different for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.RandomState(seed).randint(0, 256, (6, 8, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(small, (width, height)))


def save_video(path, num_frames=5, rate=10, size=(48, 64), code="MJPG"):
    """Frame number n is filled with 40 * n of red."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), rate, size[::-1])
    for number in range(num_frames):
        writer.write(np.full((*size, 3), (0, 0, 40 * number), np.uint8))
    writer.release()


def cut_short(video):
    """Leaves a video of `save_video` most of its bytes, and its header."""
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 3 // 4])


def exif_of(orientation):
    """EXIF data for Pillow's `save` with that orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def make_config(tmp_path, **changes):
    """The keys of the configuration that data conversion reads."""
    values = {"data": "", "dataset": "coco", "data_path": str(tmp_path), "mindrecord_dir": "mindrecord",
              "coco_root": "coco", "instances_set": "annotations/instances_{}.json", "voc_root": "voc",
              "voc_json": "annotations/voc_instances_val.json", "image_dir": "", "anno_path": "", "val_image_dir": "",
              "val_anno_path": "", "train_data_type": "train2017", "val_data_type": "val2017", "classes": CLASSES,
              "val_share": 0.0, "keep_other_sizes": False, "exif": "upright", "keep_empty": False, "seed": 1}
    return types.SimpleNamespace(**{**values, **changes})


def write_coco(root, data_type, images, annotations, draw=True):
    """`images`: ids; `annotations`: (image_id, category_id, bbox). Categories: 7 cat, 3 dog, 9 bird."""
    if draw:
        for image_id in images:
            write_image(root / data_type / f"{image_id}.png", seed=image_id)
    content = {"images": [{"id": image_id, "file_name": f"{image_id}.png", "height": 60, "width": 80}
                          for image_id in images],
               "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}, {"id": 9, "name": "bird"}],
               "annotations": [{"id": index, "image_id": image_id, "category_id": category, "bbox": bbox,
                                "iscrowd": 0, "area": 1}
                               for index, (image_id, category, bbox) in enumerate(annotations, 1)]}
    path = root / "annotations" / f"instances_{data_type}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def make_coco(tmp_path, count=6):
    """Training and evaluation images 1 .. count, each with a cat; the last has a second box, which is a dog."""
    for data_type in ("train2017", "val2017"):
        annotations = [(image_id, 7, [10, 5, 20 + image_id, 30]) for image_id in range(1, count + 1)]
        annotations.append((count, 3, [0, 0, 15, 12]))
        write_coco(tmp_path / "coco", data_type, list(range(1, count + 1)), annotations)
    return make_config(tmp_path)


def voc_xml(objects, filename="", width=80, height=60):
    """`objects`: (name, xmin, ymin, xmax, ymax) as they are to be written."""
    parts = [f"<annotation><filename>{filename}</filename><size><width>{width}</width><height>{height}</height>"
             "<depth>3</depth></size>"]
    for name, *corners in objects:
        tags = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners))
        parts.append(f"<object><name>{name}</name><bndbox>{tags}</bndbox></object>")
    return "".join(parts) + "</annotation>"


def in_pixels(records, size=(1, 1)):
    """Records with boxes in pixels of their images; `size`: of those that are not there."""
    return [record.in_pixels(read_image_size(record.path) if is_image_file(record.path) else size)
            for record in records]


def read_records(path):
    """All records of MindRecord files: {image id: (content, boxes)} in the order of the files."""
    import mindspore.dataset as ds

    records = {}
    dataset = ds.MindDataset(path, columns_list=["img_id", "image", "annotation"], shuffle=False)
    for row in dataset.create_dict_iterator(num_epochs=1, output_numpy=True):
        boxes = row["annotation"].tolist() if row["annotation"].ndim == 2 else []
        records[int(row["img_id"].item())] = (row["image"].tobytes(), boxes)
    return records
