import hashlib
import io
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vimae_bench.data import fetch, progress
from vimae_bench.data.download import ORIGINALS_LINK
from vimae_bench.plugin import DataError

CONTENT = bytes(range(256)) * 10_000  # more than a block
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        return


class CutOff(Quiet):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000])


@pytest.fixture
def serve(tmp_path):
    """Serves a folder with one file under http, and gives the address."""
    site, servers = tmp_path / "site", []
    site.mkdir()
    (site / "images.bin").write_bytes(CONTENT)

    def start(handler=Quiet):
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=site))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/images.bin"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_published_file_is_fetched_over_http(serve, tmp_path):
    path = fetch(serve(), tmp_path / "images.bin", sha256=SHA256)
    assert path == tmp_path / "images.bin"
    assert path.read_bytes() == CONTENT


def test_and_from_a_file_of_this_machine(tmp_path):
    (tmp_path / "there").write_bytes(CONTENT)
    assert fetch((tmp_path / "there").as_uri(), tmp_path / "here", sha256=SHA256, md5=MD5).read_bytes() == CONTENT


@pytest.mark.parametrize("sums", [{"sha256": MD5}, {"md5": MD5, "sha256": "0" * 64}, {"sha256": SHA256, "md5": "0"}])
def test_a_file_has_to_have_all_of_its_sums(serve, tmp_path, sums):
    with pytest.raises(DataError, match=r"images.bin from http://127.* is not the published file: its \w+ is .*, not "):
        fetch(serve(), tmp_path / "images.bin", **sums)


def test_a_file_without_sums_is_not_fetched(tmp_path):
    with pytest.raises(ValueError, match="give the sha256 of images"):
        fetch("http://127.0.0.1:9/", tmp_path / "images.bin")


def test_a_transfer_that_breaks_off_is_refused(serve, tmp_path):
    with pytest.raises(DataError, match="images"):
        fetch(serve(CutOff), tmp_path / "images.bin", sha256=SHA256)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:9/images.bin", "refused"),
        ("file:///nowhere/images.bin", "No such file"),
        ("no address", "invalid character"),
    ],
)
def test_failed_downloads_are_reported_with_address_and_remedy(tmp_path, url, reason):
    with pytest.raises(DataError, match=reason) as error:
        fetch(url, tmp_path / "images.bin", sha256=SHA256)
    said = str(error.value)
    assert said.startswith(f"cannot be downloaded from {url} (")
    assert "put images.bin into " in said
    assert "\n" not in said


def test_a_missing_page_is_reported(serve, tmp_path):
    with pytest.raises(DataError, match=r"other.bin \(404 Client Error"):
        fetch(serve().replace("images", "other"), tmp_path / "other.bin", sha256=SHA256)


@pytest.fixture
def at_hand(tmp_path):
    """A folder for downloads, with a link to the user's own originals."""
    (tmp_path / "own").mkdir()
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / ORIGINALS_LINK).symlink_to(tmp_path / "own")
    return tmp_path / "own" / "images.bin"


def test_an_original_at_hand_is_read_where_it_lies(at_hand, tmp_path):
    at_hand.write_bytes(CONTENT)
    path = fetch("http://127.0.0.1:9/", tmp_path / "scratch" / "images.bin", sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert not (tmp_path / "scratch" / "images.bin").exists()


def test_an_original_at_hand_is_checked_like_any_other_and_left_as_it_is(at_hand, serve, tmp_path):
    at_hand.write_bytes(b"another file")
    with pytest.raises(DataError, match=f"images.bin from {at_hand.parent} is not the published file"):
        fetch(serve(), tmp_path / "scratch" / "images.bin", sha256=SHA256)
    assert at_hand.read_bytes() == b"another file"


def test_without_one_the_message_says_where_to_put_it(at_hand, tmp_path):
    with pytest.raises(DataError, match=f"put images.bin into {at_hand.parent} where it has to be fetched by hand"):
        fetch("http://127.0.0.1:9/", tmp_path / "scratch" / "images.bin", sha256=SHA256)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_in_one_line(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(progress(iter("abc"), 3, "faces")) == ["a", "b", "c"]
    shown = sys.stderr.getvalue()
    assert "faces: 100%" in shown
    assert "3/3" in shown
    assert shown.count("\n") == 1


def test_a_download_shows_its_progress_on_a_terminal(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    fetch(serve(), tmp_path / "images.bin", sha256=SHA256)
    assert "images.bin: 100%" in sys.stderr.getvalue()


def test_a_download_is_silent_elsewhere(serve, tmp_path, capsys):
    fetch(serve(), tmp_path / "images.bin", sha256=SHA256)
    assert capsys.readouterr() == ("", "")


def test_progress_is_not_written_to_a_file(capsys):
    assert list(progress(range(3), 0, "faces")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
