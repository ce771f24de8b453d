"""What the environment says of this process: its device, its rank and the number of ranks."""
import os


def get_device_id():
    """Number of the accelerator that a launcher gave to this process, 0 without a launcher."""
    return int(os.environ.get("DEVICE_ID", "0"))


def get_device_num():
    """Number of processes of the run, 1 without a launcher."""
    return int(os.environ.get("RANK_SIZE", "1"))


def get_rank_id():
    """Number of this process in the run, 0 without a launcher."""
    return int(os.environ.get("RANK_ID", "0"))
