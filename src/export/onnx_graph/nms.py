"""Non-maximum suppression inside an ONNX graph, by the rules of `src.boxes.nms.select_detections`."""
from onnx import ModelProto

from src.boxes import NMSConfig
from src.export.onnx_graph.graph import join, parse_like, rename_tensor, with_opset

# What the network itself gives keeps these names inside the graph.
ANCHOR_OUTPUTS = ("anchor_boxes", "anchor_scores")
INT64_MAX = 2**63 - 1
# The operator has no `+ 1`: it measures a box by the difference of its ends. So the ends are moved by one pixel; the
# differences, and with them the overlaps, are then those of the evaluation. As there, boxes are in pixels of the
# original image, candidates have a score above `min_score`, and of equal scores the first anchor wins.
#
# `selected` (M, 3) image, class, anchor comes in order of image, class, and descending score. The detection number `m`
# then goes to row `m - (detections of the images before)` of its image.
TEXT = """
suppression (float[batch, anchors, 4] anchor_boxes, float[batch, anchors, classes] anchor_scores,
             float[batch, 2] image_shape)
    => (float[batch, detections, 4] boxes, float[batch, detections] scores, int64[batch, detections] labels,
        int64[batch] counts)
{{
    axis_0 = Constant <value_ints = [0]> ()
    axis_1 = Constant <value_ints = [1]> ()
    zero = Constant <value_int = 0> ()
    one = Constant <value_int = 1> ()
    number_4 = Constant <value_ints = [4]> ()

    sides = Concat <axis = 1> (image_shape, image_shape)
    row_sides = Unsqueeze (sides, axis_1)
    pixel_boxes = Mul (anchor_boxes, row_sides)
    one_pixel = Constant <value = float[4] {{0.0, 0.0, 1.0, 1.0}}> ()
    moved_boxes = Add (pixel_boxes, one_pixel)
    class_scores = Transpose <perm = [0, 2, 1]> (anchor_scores)
    last_class = Constant <value_ints = [{int64_max}]> ()
    object_scores = Slice (class_scores, axis_1, last_class, axis_1)
    max_boxes = Constant <value_ints = [{max_boxes}]> ()
    nms_threshold = Constant <value_floats = [{nms_threshold}]> ()
    min_score = Constant <value_floats = [{min_score}]> ()
    selected = NonMaxSuppression (moved_boxes, object_scores, max_boxes, nms_threshold, min_score)

    image_and_anchor = Constant <value_ints = [0, 2]> ()
    box_index = Gather <axis = 1> (selected, image_and_anchor)
    found_boxes = GatherND (pixel_boxes, box_index)
    found_scores = GatherND (object_scores, selected)
    found_classes = Gather <axis = 1> (selected, one)
    found_labels = Add (found_classes, one)

    image_column = Gather <axis = 1> (selected, axis_0)
    found_images = Gather <axis = 1> (selected, zero)
    batch_shape = Shape (image_shape)
    batch_size = Gather (batch_shape, zero)
    batch_vector = Gather (batch_shape, axis_0)
    all_images = Range (zero, batch_size, one)
    belongs = Equal (image_column, all_images)
    belongs_number = Cast <to = 7> (belongs)
    counts = ReduceSum <keepdims = 0> (belongs_number, axis_0)
    before = CumSum <exclusive = 1> (counts, zero)
    first_number = Gather (before, found_images)
    selected_shape = Shape (selected)
    selected_number = Gather (selected_shape, zero)
    numbers = Range (zero, selected_number, one)
    rows = Sub (numbers, first_number)
    row_column = Unsqueeze (rows, axis_1)
    places = Concat <axis = 1> (image_column, row_column)

    most = ReduceMax <axes = [0], keepdims = 1> (counts)
    table_shape = Concat <axis = 0> (batch_vector, most)
    box_table_shape = Concat <axis = 0> (table_shape, number_4)
    no_boxes = ConstantOfShape (box_table_shape)
    no_scores = ConstantOfShape (table_shape)
    no_labels = ConstantOfShape <value = int64[1] {{0}}> (table_shape)
    boxes = ScatterND (no_boxes, places, found_boxes)
    scores = ScatterND (no_scores, places, found_scores)
    labels = ScatterND (no_labels, places, found_labels)
}}
"""


def add_nms(model: ModelProto, nms: NMSConfig) -> ModelProto:
    """The model with detections instead of predictions for all anchors.

    It gets a second input, `image_shape` `(B, 2)` float32: height and width of the original images. Outputs, where D is
    the largest number of detections of an image in the batch:

    - `boxes` `(B, D, 4)` float32 ymin xmin ymax xmax in pixels of the original image, `scores` `(B, D)` float32,
      `labels` `(B, D)` int64, ordered by label and descending score; the rows after the last detection are zero.
    - `counts` `(B,)` int64: detections of each image.

    Args:
        nms: as that of `select_detections`.
    """
    model = with_opset(model)
    for old, new in zip(("boxes", "scores"), ANCHOR_OUTPUTS):
        rename_tensor(model, old, new)
    second = parse_like(model, TEXT.format(
        min_score=repr(float(nms.min_score)), nms_threshold=repr(float(nms.nms_threshold)),
        max_boxes=int(nms.max_boxes), int64_max=INT64_MAX,
    ))
    return join(model, second, ANCHOR_OUTPUTS)
