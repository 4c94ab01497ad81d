"""The site, built by `tox -e docs` from the Markdown that stands in the repository, without a warning.

Its source is the whole repository, so that a link leads to the same place here as it does there, and MyST reads the
Markdown that GitHub reads.
"""

import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
HOME = "docs/index"
LINK = re.compile(r"\]\(<?([^()<>#:\s]+)>?\)")
NAVIGATION = {
    "Tutorial": ["docs/tutorial/*"],
    "How to": ["docs/how-to/objective", "docs/how-to/plugins", "docs/how-to/*"],
    "Reference": [
        *(f"docs/reference/{page}" for page in ("commands", "benchmark-file", "results", "exit-codes", "hooks", "api")),
        "docs/reference/*",
    ],
    "Explanation": ["docs/explanation/science", "docs/explanation/guarantees", "docs/explanation/*"],
    "Example packages": ["plugins/*/README"],
    "Results": [
        "Figure 1 of the paper <results/fig1/leaderboard>",
        "The paper, small: leaderboard <results/paper-small/leaderboard>",
        "The paper, small: verdict <results/paper-small/verdict>",
    ],
    "Project": ["Changelog <CHANGELOG>", "CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT"],
}
"""Every page has its place here, by its name or by its folder: one that has none is a warning, and so fails."""

project = "vimae-bench"
author = "vimae-bench contributors"
project_copyright = author
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = ["myst_nb", "sphinx_copybutton"]
nb_execution_mode = "off"  # the tests run the notebook; its outputs are those of that run
root_doc = HOME
include_patterns = ["*.md", "docs/index.md", "docs/*/*.md", "docs/*/*.ipynb", "plugins/*/README.md", "results/*/*.md"]
exclude_patterns = ["README.md"]  # the first page says the same in fewer words
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a leaderboard begins with its third level, put below the name of its folder
highlight_language = "text"  # of indented blocks, most of which are for a shell

html_theme = "furo"
html_title = f"vimae-bench {version}"
html_copy_source = False
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_extra_path = ["_site/index.html"]


def adapt(app: Sphinx, page: str, text: list[str]) -> None:
    """Give the first page its table of contents, which GitHub would show as code, tables a title, folders a file."""
    if app.env.doc2path(page).suffix == ".ipynb":
        return
    if page == HOME:
        text[0] += "".join(toctree(title, pages) for title, pages in NAVIGATION.items())
    folder = (ROOT / page).parent
    if not text[0].startswith(("# ", "<!--")):
        text[0] = f"# {folder.name}\n\n{text[0]}"
    text[0] = LINK.sub(lambda link: into(link, folder), text[0])


def into(link: re.Match[str], folder: Path) -> str:
    """A link to a folder led to the record of a run, or to the page of anything else; other links as they are."""
    target = Path(link[1])
    found = (target / name for name in ("record.json", "README.md") if (folder / target / name).exists())
    return next((f"](<{path}>)" for path in found), link[0])


def toctree(title: str, pages: list[str]) -> str:
    """A directive of Sphinx: what is named first, then whatever else is in a folder."""
    rooted = [page.replace("<", "</") if "<" in page else f"/{page}" for page in pages]
    return "\n".join(["", "", "```{toctree}", ":hidden:", ":glob:", f":caption: {title}", "", *rooted, "```"])


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", adapt)
