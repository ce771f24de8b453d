"""Evaluation as the configuration describes it, for any callable that predicts."""
from src.boxes import build_nms_config
from src.dataset import BatchSettings, WorkerSettings, build_input_format, create_mindrecord, create_ssd_dataset
from src.dataset.sources import find_source
from src.evaluation import PROTOCOLS, COCOMetrics, evaluate


def create_evaluation(config, protocols=PROTOCOLS):
    """Prepares the evaluation dataset.

    Args:
        config: the configuration.
        protocols: those that are computed beside `eval_protocol`.

    Returns:
        Function from `predict`, a callable as `src.inference.predictor` makes them, to an `EvalResult`. Its argument
        `batch_size` is by default that of the configuration; its attribute `num_images` tells how many there are.
    """
    records = create_mindrecord(config, is_training=False)

    def run(predict, batch_size=None):
        batch_size = batch_size or config.batch_size
        dataset = create_ssd_dataset(
            records.path,
            BatchSettings(batch_size, config.img_shape, build_input_format(config)),
            workers=WorkerSettings(config.num_parallel_workers, device_target=config.device_target),
        )
        metrics = COCOMetrics(
            records.annotation_file,
            config.classes,
            build_nms_config(config),
            protocol=config.eval_protocol,
            protocols=protocols,
            coco_min_score=config.coco_min_score,
        )
        batches = dataset.create_dict_iterator(num_epochs=1, output_numpy=True)
        return evaluate(predict, batches, metrics, batch_size, num_batches=dataset.get_dataset_size())

    run.num_images = records.num_images
    return run


def create_annotation_file(config):
    """Path of the COCO annotation file to evaluate with: the dataset's own, or the one that its conversion makes."""
    source = find_source(config, is_training=False)
    return source.ground_truth_file or create_mindrecord(config, is_training=False).annotation_file
