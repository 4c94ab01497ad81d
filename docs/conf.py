"""Sphinx configuration of the site, built by `tox -e docs` from the Markdown files of the repository.

The source folder is the repository, so that links lead to the same places as on GitHub.
"""

import hashlib
import re
import shutil
import tomllib
from contextlib import chdir, redirect_stdout
from io import StringIO
from os.path import relpath
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

ROOT = Path(__file__).parents[1]
HOME = "docs/index"
RECORDS = (*sorted((ROOT / "results").glob("*.zip")), *sorted((ROOT / "docs" / "records").glob("*.zip")))
"""Results whose reports are part of the site."""
REPORTS = "docs/reports"
RECORD_LINK = re.compile(r"\[([^\]`]+)\]\([./\w-]*?([\w-]+)\.zip\)")
LINK = re.compile(r"\]\(<?([^()<>#:\s]+)>?\)")
NAVIGATION = {
    "Tutorial": ["docs/tutorial/*"],
    "What it looks like": ["docs/gallery"],
    "How to use it": [
        *(
            f"docs/how-to/{page}"
            for page in ("report", "compare", "figures", "trained-model", "paper", "tune", "mlflow")
        ),
        *(f"docs/how-to/{page}" for page in ("clusters", "editor", "pythae")),
    ],
    "How to extend it": [
        *(f"docs/how-to/{page}" for page in ("objective", "prior", "divergence", "architecture", "metric")),
        "docs/how-to/picture",
        "docs/how-to/dataset",
        "docs/how-to/plugins",
        "docs/how-to/upgrade",
    ],
    "Reference": [
        *(
            f"docs/reference/{page}"
            for page in ("included", "commands", "benchmark-file", "results", "exit-codes", "glossary")
        ),
        *("docs/reference/hooks", "docs/reference/api", "docs/reference/api-*"),
        "docs/reference/*",
    ],
    "Explanation": [
        "docs/explanation/fairness",
        "docs/explanation/decisions",
        "docs/explanation/science",
        "docs/explanation/guarantees",
        "docs/explanation/*",
    ],
    "Example packages": ["plugins/*/README"],
    "Results": [
        "Figure 1 of the paper <results/fig1/leaderboard>",
        "The paper, small: leaderboard <results/paper-small/leaderboard>",
        "The paper, small: verdict <results/paper-small/verdict>",
    ],
    "Project": ["Changelog <CHANGELOG>", "CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT"],
}
"""All pages, by name or by folder. A page that is missing here gives a warning, which fails the build."""

project = "vimae-bench"
author = "vimae-bench contributors"
project_copyright = author
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = ["myst_nb", "sphinx_copybutton"]
nb_execution_mode = "off"  # the tests run the notebook; it contains its outputs
root_doc = HOME
include_patterns = ["*.md", "docs/*.md", "docs/*/*.md", "docs/*/*.ipynb", "plugins/*/README.md", "results/*/*.md"]
exclude_patterns = ["README.md"]  # the first page is a shorter version of it
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a leaderboard begins with a heading of level 3
highlight_language = "text"  # for indented blocks, most of which are shell commands

html_theme = "furo"
html_title = f"vimae-bench {version}"
html_copy_source = False
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_extra_path = ["_site/index.html"]


def adapt_page(app: Sphinx, page: str, text: list[str]) -> None:
    """Add the table of contents to the first page, titles to pages without one, and files to links to folders."""
    if app.env.doc2path(page).suffix == ".ipynb":
        return
    if page == HOME:
        text[0] += "".join(format_toctree(title, pages) for title, pages in NAVIGATION.items())
    folder = (ROOT / page).parent
    if not text[0].startswith(("# ", "<!--")):
        text[0] = f"# {folder.name}\n\n{text[0]}"
    text[0] = RECORD_LINK.sub(lambda link: link_report(link, folder), text[0])
    text[0] = LINK.sub(lambda link: resolve_folder_link(link, folder), text[0])


def link_report(link: re.Match[str], folder: Path) -> str:
    """A link to a record becomes one to its report."""
    return f'<a href="{relpath(ROOT / REPORTS, folder)}/{link[2]}.html">{link[1]}</a>'


def resolve_folder_link(link: re.Match[str], folder: Path) -> str:
    """A link to a folder becomes one to its `README.md`; other links stay as they are."""
    readme = Path(link[1]) / "README.md"
    return f"](<{readme}>)" if (folder / readme).exists() else link[0]


def format_toctree(title: str, pages: list[str]) -> str:
    """A Sphinx `toctree` directive."""
    rooted = [page.replace("<", "</") if "<" in page else f"/{page}" for page in pages]
    return "\n".join(["", "", "```{toctree}", ":hidden:", ":glob:", f":caption: {title}", "", *rooted, "```"])


def host_reports(app: Sphinx) -> None:
    """Write the report of each record into the site, next to a copy of the record, unless it is there already."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / REPORTS
    folder.mkdir(parents=True, exist_ok=True)
    sources = sorted(
        path for path in (ROOT / "vimae_bench").rglob("*.*") if path.suffix in (".py", ".j2", ".css", ".js")
    )
    program = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    for record in RECORDS:
        made = folder / f".{record.stem}"
        digest = program + hashlib.sha256(record.read_bytes()).hexdigest()
        if not made.exists() or made.read_text() != digest:
            logging.getLogger(__name__).info("the report of %s", record.name)
            shutil.copyfile(record, folder / record.name)
            write_report(folder, record)
            made.write_text(digest)


def write_report(folder: Path, record: Path) -> None:
    """Write the report of a record that has been copied to a folder."""
    try:
        from vimae_bench.cli import main
    except ImportError as error:
        raise ExtensionError("the site has reports of vimae-bench, which is not installed: use tox -e docs") from error
    with chdir(folder), redirect_stdout(StringIO()):
        main(["report", record.name, "--output", f"{record.stem}.html"], standalone_mode=False)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", host_reports)
    app.connect("source-read", adapt_page)
