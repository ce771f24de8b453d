"""Batches of a dataset: made, read and compared."""
from src.dataset import BatchSettings, TrainingSettings, WorkerSettings, create_ssd_dataset
from tests.support.box_coders import PlainCoder

SIZE = (24, 32)


def training_dataset(path, batch_size=4, workers=2, use_processes=False, **training):
    """Training batches of images of `SIZE`; `training`: what `TrainingSettings` gets beside its box coder."""
    return create_ssd_dataset(path, BatchSettings(batch_size, SIZE), TrainingSettings(PlainCoder(), **training),
                              WorkerSettings(workers, use_processes))


def epochs(dataset, number=1):
    """Batches of each epoch, as dictionaries of arrays."""
    iterator = dataset.create_dict_iterator(num_epochs=number, output_numpy=True)
    return [[{key: value.copy() for key, value in batch.items()} for batch in iterator] for _ in range(number)]


def same(first, second):
    """Whether two lists of batches hold the same arrays."""
    return len(first) == len(second) and all(
        (one[key] == other[key]).all() for one, other in zip(first, second) for key in one)
