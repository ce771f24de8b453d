"""Exports of annotation programs, as the tests write them."""
import json

SIZE = {"imageHeight": 60, "imageWidth": 80}


def labelme_json(*shapes, image="a.png", **changes):
    """`shapes`: (label, shape_type, points) or (label, shape_type, points, group_id)."""
    rows = [{"label": label, "points": points, "group_id": group[0] if group else None, "shape_type": kind, "flags": {}}
            for label, kind, points, *group in shapes]
    return json.dumps({"version": "5.4.1", "flags": {}, "shapes": rows, "imagePath": image, "imageData": None, **SIZE,
                       **changes})


def cvat_xml(images, size=' width="80" height="60"'):
    """`images`: (attributes of the image, elements in it) as they are to be written."""
    parts = [f"<image {attributes}{size}>{shapes}</image>" for attributes, shapes in images]
    return ('<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><task><size>1</size>'
            f"</task></meta>{''.join(parts)}</annotations>")


def cvat_box(label, left, top, right, bottom, more=""):
    return (f'<box label="{label}" source="manual" occluded="0" xtl="{left}" ytl="{top}" xbr="{right}" ybr="{bottom}" '
            f'z_order="0"{more}><attribute name="colour">red</attribute></box>')


def region(value, kind="rectanglelabels", label="cat", **changes):
    """A region of Label Studio on an image of 80 x 60 pixels."""
    return {"id": "r1", "type": kind, "from_name": "label", "to_name": "image", "original_width": 80,
            "original_height": 60, "image_rotation": 0, "value": {**value, kind: [label]}, **changes}


def task(*regions, image="/data/upload/1/0123abcd-a.png", annotations=None, **changes):
    """A task of Label Studio with one annotation, unless `annotations` says otherwise."""
    if annotations is None:
        annotations = [{"id": 1, "was_cancelled": False, "ground_truth": False, "result": list(regions)}]
    return {"id": 1, "annotations": annotations, "predictions": [], "data": {"image": image}, **changes}
