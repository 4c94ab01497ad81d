"""No secret of the environment, of a benchmark file or of a tracking URI is ever written, nor shown."""

import socket

import pytest
from click.testing import CliRunner

from helpers.benchmarks import AE, make_benchmark
from vimae_bench.cli import main

pytestmark = pytest.mark.medium

SECRETS = ("hunter2", "swordfish", "opensesame", "abracadabra")
PLUGIN = """
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Objective, hookimpl

class Raises(Objective):
    '''Raises in training.'''
    def posterior(self): return Deterministic()
    def __call__(self, model, batch): raise RuntimeError("on purpose")

@hookimpl
def vimae_objectives(): return {"raises": Raises}
"""


@pytest.fixture
def port():
    """Where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_no_secret_is_written_or_shown(tmp_path, monkeypatch, install, port, capfd):
    install("raises", PLUGIN)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "swordfish")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opensesame")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    file = tmp_path / "small.toml"
    mlflow = {"use": "mlflow", "uri": f"http://me:hunter2@127.0.0.1:{port}"}
    methods = [AE, AE | {"label": "raises", "objective": "raises"}]
    file.write_text(make_benchmark(reporters=["console", mlflow], method=methods))
    places = ["--results", tmp_path / "results", "--data", tmp_path / "data"]
    override = f"reporters=['console', {{use='mlflow', uri='http://127.0.0.1:{port}?token=abracadabra'}}]"
    outputs = [call("run", file, *places), call("run", file, *places, "-o", override), call("sync", file, *places[:2])]
    file.unlink()  # the user's own
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 20
    shown = "".join([*outputs, *capfd.readouterr()])
    assert "on purpose" in shown
    assert "not yet mirrored" in shown
    for secret in SECRETS:
        assert secret not in shown
        assert [path for path in written if secret.encode() in path.read_bytes()] == []


def call(*words):
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False).output
