"""Event files for TensorBoard."""
import mindspore as ms

from src.utils.errors import UserError


class TensorBoard(ms.Callback):
    """Writes what `Results` gets, epoch by epoch, for TensorBoard.

    Args:
        folder: where to.
        results: `Results` that other callbacks, which come before this one, add to.
        pictures: name -> (H, W, 3) uint8, to show.
        first_epoch: of a run that goes on; what was written for it and later ones is not shown. None for a new run.

    Raises:
        UserError: tensorboardX is not installed.
    """

    def __init__(self, folder, results, pictures, first_epoch=None):
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

    def on_train_epoch_end(self, run_context):
        epoch = run_context.original_args().cur_epoch_num
        for name, value in self.results.rows[epoch].items():
            if name not in ("epoch", "protocol"):
                self.writer.add_scalar(name, float(value), epoch)
        self.writer.flush()

    def on_train_end(self, run_context):
        self.writer.close()
