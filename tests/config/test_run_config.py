from src.config.run_config import WRITTEN_BY, config_of_run


def test_the_configuration_of_a_run(tmp_path):
    checkpoint, file = tmp_path / "ckpt_0" / "ssd-4_3.ckpt", tmp_path / "config.yaml"
    assert config_of_run(checkpoint) is None
    file.write_text(f"{WRITTEN_BY}0\nbatch_size: 3")
    assert config_of_run(checkpoint) == file
    for content in (b"batch_size: 3", b"\xff\xfe\xff"):
        file.write_bytes(content)
        assert config_of_run(checkpoint) is None
