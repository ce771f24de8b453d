"""Evaluation truth as COCO json, for annotations of another format."""
from src.dataset.annotations import has_area


def coco_truth(entries, classes):
    """COCO annotations as a dictionary.

    Boxes are neither clipped nor rounded again: `x = xmin, y = ymin, width = xmax - xmin, height = ymax - ymin` of the
    integers that the reader gives. Boxes without area or wholly outside the image are left out. Category ids are the
    labels, with the background as 0.

    Args:
        entries: list of (image_id, file_name, height, width, boxes `(N, 5)` ymin xmin ymax xmax label).
    """
    images, annotations = [], []
    for image_id, file_name, height, width, boxes in entries:
        images.append({"file_name": file_name, "id": int(image_id), "width": int(width), "height": int(height)})
        known = boxes[(boxes[:, 4] > 0) & (boxes[:, 4] < len(classes))]
        inside = (known[:, 0] < height) & (known[:, 1] < width) & (known[:, 2] > 0) & (known[:, 3] > 0)
        for ymin, xmin, ymax, xmax, label in known[has_area(known) & inside].tolist():
            annotations.append({
                # Ids begin with 1: pycocotools takes a match with annotation 0 for no match.
                "id": len(annotations) + 1, "image_id": int(image_id), "category_id": label,
                "bbox": [xmin, ymin, xmax - xmin, ymax - ymin], "area": (xmax - xmin) * (ymax - ymin),
                "iscrowd": 0, "ignore": 0, "segmentation": []})
    categories = [{"supercategory": "none", "id": label, "name": name} for label, name in enumerate(classes)]
    return {"images": images, "type": "instances", "annotations": annotations, "categories": categories}
