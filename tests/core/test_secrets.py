"""Of the address of a server, its scheme and host are shown and nothing else, in whatever shape a secret comes."""

import pytest

from vimae_bench.core.errors import BenchError
from vimae_bench.core.secrets import mask_secrets, show_address

SHAPES = {
    "postgresql://me:hunter2@h/db": "postgresql://***@h/***",
    "postgresql://me:hun/ter2@h/db": "postgresql://***",
    "postgresql://me:hun?ter2@h/db": "postgresql://***",
    "postgresql://me:hun#ter2@h/db": "postgresql://***",
    "postgresql://me:hun@ter2@h/db": "postgresql://***@h/***",
    "postgresql+psycopg2://me:hunter2@h:5432/db": "postgresql+psycopg2://***@h:5432/***",
    "postgresql://h/db?user=me&password=hun/ter2@x": "postgresql://***",
    "mysql+pymysql://h:3306/db?ssl_key=hunter2": "mysql+pymysql://h:3306/***",
    "mssql+pyodbc:///?odbc_connect=PWD%3Dhunter2": "mssql+pyodbc://***",
    "sqlite+pysqlcipher://:hunter2@/f.db": "sqlite+pysqlcipher://***",
    "sqlite:///f.db?key=hunter2": "sqlite:///f.db***",
    "https://me:hunter2@h:5000/x": "https://***@h:5000/***",
    "https://hunter2@h": "https://***@h",
    "https://h?token=hunter2": "https://h/***",
    "https://h/#access_token=hunter2": "https://h/***",
    "https://h/#hunter2": "https://h/***",
    "https://h/api/hunter2": "https://h/***",
    "https://me%3Ahunter2%40h/": "https://***",
    "HTTPS://me:hunter2@H/": "HTTPS://***@H",
    "http://me:hunter2": "http://***",
    "http://me:hunter2@h:5000@i/": "http://***@i",
    "databricks://hunter2": "databricks://***",
    "databricks-uc://hunter2:x@y": "databricks-uc://***",
    "me:hunter2@h/db": "***",
}


@pytest.mark.parametrize("uri", SHAPES)
def test_only_scheme_and_host_are_shown(uri):
    assert show_address(uri) == SHAPES[uri]
    secret = "hunter2" if "hunter2" in uri else "ter2"
    for message in (f"cannot reach {uri}", f"no host {uri.partition('://')[2]!r}", f"wrong password '{secret}'"):
        assert secret not in mask_secrets(message, uri)


@pytest.mark.parametrize(
    "uri",
    ["", "http://localhost:5000", "https://[::1]:5000", "sqlite:////a b/c@d/mlflow.db", "databricks", "/tmp/mlruns"],
)
def test_an_address_without_a_secret_is_shown_as_it_is(uri):
    assert show_address(uri) == uri
    assert mask_secrets(f"at {uri}: me and 5000", uri) == f"at {uri}: me and 5000"


def test_links_to_papers_stay_as_they_are():
    text = "after https://arxiv.org/abs/1905.10549 (section 3) and https://openreview.net/forum?id=B1e0X3C9tQ"
    assert mask_secrets(text) == text


def test_secret_variables_of_the_environment_are_hidden_in_messages(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "opensesame")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "abracadabra")
    assert mask_secrets("401 for opensesame, abracadabra") == "401 for ***, ***"
    assert str(BenchError("401 for opensesame at https://me:hunter2@h")) == "401 for *** at https://***@h"


@pytest.mark.parametrize("mark", "?&#;")
def test_secret_settings_are_hidden_behind_every_mark(mark):
    assert mask_secrets(f"rejected {mark}password=hunter2") == f"rejected {mark}password=***"
    assert mask_secrets(f"rejected {mark}page=hunter2") == f"rejected {mark}page=hunter2"


def test_an_escaped_at_sign_counts():
    assert "hunter2" not in mask_secrets("at https://me%3Ahunter2%40h/ it failed")


def test_a_variable_that_holds_a_path_is_shown(monkeypatch):
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token-file")
    assert mask_secrets("no /var/run/token-file") == "no /var/run/token-file"
