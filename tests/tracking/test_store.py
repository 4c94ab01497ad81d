import multiprocessing
import os
import shlex

import pytest

from vimae_bench.core.secrets import mask_secrets
from vimae_bench.tracking.server_links import describe_view
from vimae_bench.tracking.store import SETTINGS, default_store_uri, open_experiment

pytestmark = pytest.mark.medium


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@host:5000/x", "https://***@host:5000/***"),
        ("postgresql://me:se@cret@db/x failed", "postgresql://***@db/*** failed"),
        ("http://token@a and http://u:p@b", "http://***@a and http://***@b"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("http://host/a@b", "http://***"),
        ("http://host?x=1&access_token=secret&y=2", "http://host?x=1&access_token=***&y=2"),
        ("uri = 'mysql://db/x?ssl_key=secret'", "uri = 'mysql://db/***'"),
    ],
)
def test_what_is_secret_in_a_uri_is_masked(text, shown):
    assert mask_secrets(text) == shown


def test_the_default_store_lies_in_the_results_folder(tmp_path):
    assert default_store_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.parametrize("name", ["my results", "100%25", "what?", "é#1"])
def test_a_store_is_created_in_a_folder_of_any_name(tmp_path, template, name):
    results = tmp_path / name
    results.mkdir()
    (results / "mlflow.db").write_bytes(template.read_bytes())
    before = (results / "mlflow.db").stat().st_mtime_ns
    open_experiment(results / "toy", default_store_uri(results))
    assert (results / "mlflow.db").stat().st_mtime_ns > before


def test_artifacts_are_next_to_the_store(tmp_path, template):
    (tmp_path / "mlflow.db").write_bytes(template.read_bytes())
    target = open_experiment(tmp_path / "toy", default_store_uri(tmp_path))
    location = target.client.get_experiment(target.experiment).artifact_location
    assert location == (tmp_path / "mlflow-artifacts" / "toy").as_uri()


def test_the_experiment_is_one_of_trained_models(tmp_path, template):
    (tmp_path / "mlflow.db").write_bytes(template.read_bytes())
    target = open_experiment(tmp_path / "toy", default_store_uri(tmp_path))
    assert target.client.get_experiment(target.experiment).tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_new_store_in_the_same_place_is_another_target(tmp_path, template):
    first, second = tmp_path / "one.db", tmp_path / "two.db"
    first.write_bytes(template.read_bytes())
    second.write_bytes(template.read_bytes())
    names = {open_experiment(tmp_path / "toy", f"sqlite:///{path}").name.split()[-1] for path in (first, first, second)}
    assert len(names) == 2


def test_opening_a_store_waits_less_than_mlflow_would_unless_asked_to(tmp_path, template, monkeypatch):
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
    (tmp_path / "mlflow.db").write_bytes(template.read_bytes())
    open_experiment(tmp_path / "toy", default_store_uri(tmp_path))
    assert {name: os.environ[name] for name in SETTINGS} == SETTINGS | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "120"}


def test_processes_that_open_a_store_that_is_not_there_yet_do_not_hinder_each_other(tmp_path, capfd):
    import mlflow  # noqa: F401  (so that the processes meet at the store, not at the import)

    context = multiprocessing.get_context("fork")
    together = context.Barrier(4)

    def open_it():
        together.wait()
        open_experiment(tmp_path / "toy", default_store_uri(tmp_path))

    processes = [context.Process(target=open_it) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert capfd.readouterr() == ("", "")


def test_the_command_that_opens_a_store_is_quoted_for_a_shell(tmp_path):
    shown = describe_view(tmp_path / "my results" / "toy")["MLflow"]
    assert shlex.split(shown) == ["mlflow", "ui", "--backend-store-uri", default_store_uri(tmp_path / "my results")]
