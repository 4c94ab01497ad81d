"""A reporter that fails is reported without the secrets among its settings."""

import pytest

from vimae_bench.cli.reporter_guard import GuardedReporter
from vimae_bench.config.secret_settings import find_secrets
from vimae_bench.core.spec import PluginSpec


class Failing:
    def __init__(self, text: str):
        self.text = text

    def __call__(self, jobs, events):
        raise RuntimeError(f"the server refused {self.text}")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"token": "abcdef123456"}, "abcdef123456"),
        ({"api_key": "short"}, "the key short"),
        ({"uri": "https://me:hunter2@host/db"}, "hunter2 of https://me:hunter2@host/db"),
    ],
)
def test_the_reason_has_no_secret(settings, text, capsys):
    guarded = GuardedReporter(Failing(text), "mine", find_secrets(PluginSpec("mine", settings)))
    assert list(guarded([], iter(()))) == []
    shown = capsys.readouterr().err
    assert "RuntimeError: the server refused" in shown
    for secret in ("abcdef123456", "key short", "hunter2"):
        assert secret not in shown
