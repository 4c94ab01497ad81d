"""What is kept of a benchmark file has no secret, however the file writes it."""

import tomllib

import pytest

from vimae_bench.config.secret_settings import mask_settings
from vimae_bench.core.spec import PluginSpec

LINES = [
    """reporters = [{ use = "mlflow", uri = "postgresql://me:hunter2@h/db" }]""",
    """reporters = [{ use = "mlflow", uri = 'postgresql://me:hunter2@h/db' }]""",
    """reporters = [{ use = "mlflow", uri = "postgresql:\\u002f/me:\\u0068unter2@h/db" }]""",
    """reporters = [{ use = "mlflow", uri = "postgresql://me:my hunter2@h/db" }]""",
    'reporters = [{ use = "mlflow", uri = """postgresql://me:hunter2@h/db""" }]',
    """reporters = [{ use = "other", api_key = "hunter2" }]""",
    """# reporters = [{ use = "mlflow", uri = "postgresql://me:hunter2@h/db" }]""",
    """[[reporters]]\nuse = "mlflow"\nuri = "https://h?token=hunter2"  # ours""",
    """[[reporters]]\nuse = "mlflow"\nuri = "databricks://hunter2\"""",
    """# -o reporters=[{use='mlflow', uri='https://hunter2@h'}]""",
]


@pytest.mark.parametrize("line", LINES)
def test_no_secret_is_kept_of_a_benchmark_file(line):
    text = f'# After https://arxiv.org/abs/1905.10549\nname = "small"\n{line}\n'
    masked = mask_settings(text, [])
    assert "hunter2" not in masked
    assert "u0068unter2" not in masked
    assert masked.startswith('# After https://arxiv.org/abs/1905.10549\nname = "small"\n')
    assert tomllib.loads(masked).keys() == tomllib.loads(text).keys()


def test_what_an_override_has_set_is_not_kept_either():
    text = "# -o reporters.0.uri=postgresql://me:my hunter2@h/db\n"
    used = PluginSpec("mlflow", {"uri": "postgresql://me:my hunter2@h/db"})
    assert mask_settings(text, [used]) == "# -o reporters.0.uri=postgresql://***@h/***\n"


def test_other_settings_stay_as_they_are():
    text = 'reporters = ["console", { use = "mlflow", uri = "http://localhost:5000", models = false }]\n'
    assert mask_settings(text, []) == text


def test_a_short_secret_is_not_hidden_in_longer_words():
    text = "# -o reporters.0.key=epoch\n[training]\nepochs = 5\n"
    assert mask_settings(text, [PluginSpec("other", {"key": "epoch"})]) == text.replace("=epoch", "=***")
