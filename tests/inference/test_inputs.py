"""Images, folders, patterns, videos, cameras."""
import numpy as np
import pytest

from src.dataset.images import find_images
from src.inference.inputs import Video, find_inputs
from src.utils.errors import UserError
from tests.support.samples import cut_short, save_video, write_image


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.jpg", "a.PNG", "notes.txt", "clip.mp4", "sub/b.jpg", "sub/c.webp", "b.png", "7"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(("texts", "sources"), [
    (["b.jpg"], ["b.jpg"]),
    ([""], ["a.PNG", "b.jpg", "b.png", "clip.mp4"]),
    (["*.jpg"], ["b.jpg"]),
    (["**/b.*"], ["b.jpg", "b.png", "sub/b.jpg"]),
    (["sub", "b.jpg", "sub/c.webp"], ["sub/b.jpg", "sub/c.webp", "b.jpg"]),  # each once
])
def test_files(folder, texts, sources):
    inputs = find_inputs([folder / text for text in texts])
    assert [item.source for item in inputs] == [folder / source for source in sources]
    assert len({item.name for item in inputs}) == len(inputs)
    assert all(item.is_image == (item.source.suffix != ".mp4") for item in inputs)
    assert len({item.file_name for item in inputs}) == len(inputs)


def test_files_that_macos_writes_beside_others_are_none(folder):
    for name in ("._b.jpg", "sub/._c.webp"):
        (folder / name).touch()
    for text in ("", "**/*"):
        assert not [item for item in find_inputs([folder / text]) if item.source.name.startswith("._")]
    assert [path.name for path in find_images([folder / "sub"])] == ["b.jpg", "c.webp"]


def test_names_differ(folder):
    assert [item.name for item in find_inputs(["b.jpg", "b.png", "sub/b.jpg"])] == ["b", "b-2", "b-3"]


def test_folders_with_brackets(folder):
    (folder / "sub").rename(folder / "sub [1]")
    for text in ("sub [1]", "sub [1]/*.webp", "sub [1]/c.webp", "**/c.webp"):
        assert folder / "sub [1]" / "c.webp" in [item.source for item in find_inputs([folder / text])]


def test_names_in_the_list_of_detections(folder):
    def names(*texts):
        return [item.file_name for item in find_inputs(texts)]

    assert names("sub/c.webp", "b.jpg", "0") == ["c.webp", "b.jpg", "camera 0"]
    assert names("sub/b.jpg", folder / "b.jpg") == ["sub/b.jpg", "b.jpg"]
    assert names("sub/../sub/b.jpg", "sub/b.jpg", "sub/c.webp") == ["b.jpg", "c.webp"]  # one file, once


def test_suffixes(tmp_path, caplog):
    """Unknown ones are told of in a folder; of a file that was named, the content decides."""
    write_image(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.upload")
    for name in ("b.JFIF", "c.ts", "d.3gp", "e.FLV", "f.heic"):
        (tmp_path / name).touch()
    with caplog.at_level("INFO"):
        assert [(item.name, item.is_image) for item in find_inputs([tmp_path])] == [
            ("b", True), ("c", False), ("d", False), ("e", False)]
    assert "2 files are no images or videos by their suffixes: a.upload, f.heic" in caplog.text
    assert [item.is_image for item in find_inputs([tmp_path / "a.upload", tmp_path / "f.heic"])] == [True, False]


def test_a_number_is_a_camera_unless_there_is_such_a_file(folder):
    camera, file = find_inputs(["0", "7"])
    assert (camera.source, camera.name, camera.is_camera, camera.is_image) == (0, "camera-0", True, False)
    assert not file.is_camera
    with pytest.raises(UserError, match="no image, video or folder ²"):
        find_inputs(["²"])


@pytest.mark.parametrize("texts", [["nothing.jpg"], ["*.gif"], ["notes*"], ["empty"]])
def test_nothing_there(folder, texts):
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match=r"There is no (image|video)"):
        find_inputs(texts)


def test_frames_of_a_video(tmp_path):
    save_video(tmp_path / "clip.avi")
    with Video(tmp_path / "clip.avi") as video:
        assert (video.rate, video.num_frames) == (10, 5)
        frames = list(video)
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 5
    for number, frame in enumerate(frames):
        np.testing.assert_allclose(frame.mean(axis=(0, 1)), (40 * number, 0, 0), atol=6)  # RGB


def test_frames_that_are_missing_at_the_end(tmp_path, monkeypatch, caplog):
    """The header of AVI counts them exactly; that of others counts from the length, which may be a little off."""
    for suffix, frames in ((".avi", 60), (".mp4", 60)):
        path = tmp_path / f"clip{suffix}"
        save_video(path, num_frames=frames)
        for missing, is_cut in ((2, False), (3, suffix == ".avi"), (5, True)):
            caplog.clear()
            with Video(path) as video:
                video.num_frames += missing
                if is_cut:
                    with pytest.raises(UserError, match=rf"Only the first 60 of the {60 + missing} frames"):
                        list(video)
                else:
                    assert len(list(video)) == 60
                    assert ("60 frames of the video" in caplog.text) == (missing > 2)


def test_a_video_that_is_cut_short(tmp_path):
    save_video(tmp_path / "clip.avi", num_frames=20)
    cut_short(tmp_path / "clip.avi")
    message = r"Only the first \d+ of the 20 frames of the video .*clip\.avi can be read: it is cut short"
    with Video(tmp_path / "clip.avi") as video, pytest.raises(UserError, match=message):
        list(video)


@pytest.mark.parametrize("source", ["broken.mp4", 99])
def test_what_cannot_be_opened(tmp_path, source, capfd):
    if isinstance(source, str):
        source = tmp_path / source
        source.write_bytes(b"no video")
    with pytest.raises(UserError, match="cannot be"):
        Video(source)
    if source == 99:  # FFmpeg keeps the level of messages that it had at its first video
        assert capfd.readouterr().err == ""
