"""Evaluation as the configuration describes it, for any callable that predicts."""
from src.dataset import create_mindrecord, create_ssd_dataset
from src.eval_utils import PROTOCOLS, COCOMetrics, evaluate


def create_evaluation(config, protocols=PROTOCOLS):
    """Prepares the evaluation dataset.

    Args:
        config: the configuration.
        protocols: those that are computed beside `eval_protocol`.

    Returns:
        Function from `predict`, a callable as `src.predictors` makes them, to an `EvalResult`.
    """
    records = create_mindrecord(config, is_training=False)

    def run(predict):
        dataset = create_ssd_dataset(
            records.path,
            batch_size=config.batch_size,
            image_size=config.img_shape,
            is_training=False,
            num_parallel_workers=config.num_parallel_workers,
            use_multiprocessing=False,
        )
        metrics = COCOMetrics(
            records.annotation_file,
            config.classes,
            min_score=config.min_score,
            nms_threshold=config.nms_threshold,
            max_boxes=config.max_boxes,
            protocol=config.eval_protocol,
            protocols=protocols,
        )
        batches = dataset.create_dict_iterator(num_epochs=1, output_numpy=True)
        return evaluate(predict, batches, metrics, config.batch_size, num_batches=dataset.get_dataset_size())

    return run
