import os

import pytest

from src.config import load_config
from src.evaluation.evaluator import Evaluation
from src.utils.errors import UserError
from tests.support.samples import CLASSES, make_coco


def test_data_that_were_replaced_are_not_evaluated_on(tmp_path):
    make_coco(tmp_path)
    evaluation = Evaluation(load_config([
        f"--data_path={tmp_path}", "--coco_root=coco", "--mindrecord_dir=mindrecord", "--dataset=coco",
        f"--classes={','.join(CLASSES)}", f"--num_classes={len(CLASSES)}", "--eval_protocol=coco"]))
    assert evaluation.num_images == 6
    os.utime(tmp_path / "mindrecord" / "ssd_eval.mindrecord0", (1, 1))
    with pytest.raises(UserError, match=r"ssd_eval\.mindrecord0 was replaced or removed while this run reads it"):
        evaluation(lambda images, shapes: pytest.fail("nothing is predicted"))
