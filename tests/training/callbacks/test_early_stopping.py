from types import SimpleNamespace

from src.training.callbacks.early_stopping import EarlyStopping
from src.training.run_state import RunContext, RunState


def stops(evaluation, decide):
    """Whether an epoch ends the run."""
    state = RunState(train_network=None, epoch_num=2, batch_num=1, cur_epoch_num=1)
    EarlyStopping(evaluation, decide).on_train_epoch_end(RunContext(state))
    return state.stop_requested


def test_the_first_rank_ends_the_run_when_its_evaluation_wants_it():
    for wanted in (False, True):
        assert stops(SimpleNamespace(wants_end=wanted), decide=lambda number: number) is wanted


def test_another_rank_is_told_by_the_first():
    assert not stops(None, decide=lambda number: 0)
    assert stops(None, decide=lambda number: 1)
