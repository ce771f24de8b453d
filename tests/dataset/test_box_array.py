from src.dataset.annotations import box_array
from src.dataset.coco import coco_ground_truth


def test_boxes_are_not_clipped_but_useless_ones_left_out():
    boxes = box_array([[-1, -1, 11, 9, 1],     # partly outside stays as it is
                       [10, 10, 10, 20, 1],    # no area
                       [70, 10, 90, 20, 1],    # below the image
                       [10, 5, 20, 30, 3],     # unknown label
                       [0, 0, 60, 80, 2]])
    truth = coco_ground_truth([(4, "a.jpg", 60, 80, boxes), (9, "b.jpg", 50, 40, box_array([]))],
                       ("background", "cat", "dog"))
    assert [(item["id"], item["image_id"], item["category_id"], item["bbox"], item["area"])
            for item in truth["annotations"]] == [(1, 4, 1, [-1, -1, 10, 12], 120), (2, 4, 2, [0, 0, 80, 60], 4800)]
    assert truth["images"] == [{"file_name": "a.jpg", "id": 4, "width": 80, "height": 60},
                               {"file_name": "b.jpg", "id": 9, "width": 40, "height": 50}]
