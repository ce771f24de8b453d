"""Event files for TensorBoard."""
from collections.abc import Mapping
from pathlib import Path

import mindspore as ms
import numpy as np

from src.training.results import Results
from src.training.run_state import RunContext
from src.utils.errors import UserError


class TensorBoard(ms.Callback):
    """Writes the rows of `Results`, epoch by epoch, for TensorBoard.

    Args:
        folder: of the event files.
        results: `Results` that callbacks before this one add to.
        pictures: name -> picture (H, W, 3) uint8 to show.
        first_epoch: of a resumed run; TensorBoard hides what was written for it and later epochs. None for a new run.

    Raises:
        UserError: tensorboardX is not installed.
    """

    def __init__(self, folder: Path, results: Results, pictures: Mapping[str, np.ndarray],
                 first_epoch: int | None = None):
        super().__init__()
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise UserError("tensorboard needs the package tensorboardX: pip install tensorboardX tensorboard, or "
                            "leave --tensorboard out") from error
        self.results = results
        self.writer = SummaryWriter(str(folder), purge_step=first_epoch)
        for name, picture in pictures.items():
            self.writer.add_image(name, picture, 0, dataformats="HWC")

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        epoch = run_context.original_args().cur_epoch_num
        for name, value in self.results.rows[epoch].items():
            if name not in ("epoch", "protocol"):
                self.writer.add_scalar(name, float(value), epoch)
        self.writer.flush()

    def on_train_end(self, run_context: RunContext) -> None:
        self.writer.close()
