"""Event files for TensorBoard."""
import contextlib
import logging
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np

from src.training.results import Results
from src.training.run_state import RunContext
from src.utils.errors import UserError
from src.utils.files import reported_as

logger = logging.getLogger(__name__)
VERSION = "brain.Event:2"


class TensorBoard(ms.Callback):
    """Writes the rows of `Results`, epoch by epoch, for TensorBoard.

    A file that can no longer be written ends the events, with a warning; the run goes on. (The `SummaryWriter` of
    tensorboardX writes in a thread of its own, which dies of a full disk, and waits for it for ever.)

    Args:
        folder: of the event files.
        results: `Results` that callbacks before this one add to.
        pictures: name -> picture (H, W, 3) uint8 to show.
        first_epoch: of a resumed run; TensorBoard hides what was written for it and later epochs. None for a new run.

    Raises:
        UserError: tensorboardX is not installed, or the first event cannot be written.
    """

    makes = "the file for TensorBoard"

    def __init__(self, folder: Path, results: Results, pictures: Mapping[str, np.ndarray],
                 first_epoch: int | None = None):
        super().__init__()
        try:
            from tensorboardX import summary
            from tensorboardX.proto.event_pb2 import Event, SessionLog
            from tensorboardX.record_writer import RecordWriter
        except ImportError as error:
            raise UserError("tensorboard needs the package tensorboardX: pip install tensorboardX tensorboard, or "
                            "leave --tensorboard out") from error
        self.results = results
        self.path = folder / f"events.out.tfevents.{time.time():.0f}.{platform.node()}"
        self._event, self._summary = Event, summary
        with reported_as(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self._file: RecordWriter | None = RecordWriter(str(self.path))
            self._write(file_version=VERSION)
            if first_epoch is not None:
                self._write(file_version=VERSION, step=first_epoch)
                self._write(session_log=SessionLog(status=SessionLog.START), step=first_epoch)
            for name, picture in pictures.items():
                self._write(summary=summary.image(name, picture, dataformats="HWC"), step=0)
            self._file.flush()

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        if self._file is None:
            return
        epoch = run_context.original_args().cur_epoch_num
        try:
            for name, value in self.results.rows[epoch].items():
                if name not in ("epoch", "protocol"):
                    self._write(summary=self._summary.scalar(name, float(value)), step=epoch)
            self._file.flush()
        except OSError as error:
            logger.warning("tensorboard: %s cannot be written (%s), so it ends here; the training goes on", self.path,
                           error.strerror)
            self._close()

    def on_train_end(self, run_context: RunContext) -> None:
        self._close()

    def _write(self, **values: Any) -> None:
        assert self._file is not None
        self._file.write(self._event(wall_time=time.time(), **values).SerializeToString())

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
