"""Batches of a dataset, read and compared."""


def epochs(dataset, number=1):
    """Batches of each epoch, as dictionaries of arrays."""
    iterator = dataset.create_dict_iterator(num_epochs=number, output_numpy=True)
    return [[{key: value.copy() for key, value in batch.items()} for batch in iterator] for _ in range(number)]


def same(first, second):
    """Whether two lists of batches hold the same arrays."""
    return len(first) == len(second) and all(
        (one[key] == other[key]).all() for one, other in zip(first, second) for key in one)
