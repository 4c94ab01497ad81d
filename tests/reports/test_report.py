"""The page of a report: all is in it, nothing in it can act, and every link leads somewhere."""

import base64
import hashlib
import json
import re
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote
from zipfile import ZipFile

import html5lib
import numpy as np
import pytest
from click.testing import CliRunner
from hatchling.builders.wheel import WheelBuilder
from matplotlib.figure import Figure
from PIL import Image

from helpers.image_grids import save_grid
from vimae_bench.analysis.state_counts import StateCount, count_states
from vimae_bench.analysis.versions import find_version_outliers
from vimae_bench.cli import main
from vimae_bench.reports import leaderboard_csv, leaderboard_latex, leaderboard_markdown
from vimae_bench.reports.page import render_page
from vimae_bench.reports.page.inline_figures import draw_panels
from vimae_bench.storage.atomic import read_json, write_json

pytestmark = pytest.mark.medium

ROOT = Path(__file__).parents[2]
FIG1 = ROOT / "results" / "fig1"
NASTY = '</script><img src=x onerror="alert(1)">\x1b[31m\u202e=HYPERLINK("http://evil") {{ 7*7 }} $\\frac{1}{2}$ & \'"'


class Page:
    """A page as a strict parser sees it."""

    def __init__(self, text: str):
        self.text = text
        self.tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)

    def all(self, tag: str, **attributes: str):
        found = [element for element in self.tree.iter() if local(element.tag) == tag]
        return [e for e in found if all(e.get(name) == value for name, value in attributes.items())]

    def said(self) -> str:
        return said(self.tree)

    def by_id(self, name: str):
        (element,) = [element for element in self.tree.iter() if element.get("id") == name]
        return element


def said(element) -> str:
    """The text in an element, white space aside."""
    return " ".join("".join(element.itertext()).split())


def local(tag: object) -> str:
    return str(tag).rpartition("}")[2]


def call(*words, code=0):
    done = CliRunner().invoke(main, ["report", *(str(word) for word in words)], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def report(results, *words, name="fig1", source="", figures=False) -> Page:
    """The page of a fabricated results folder, written next to it. Figures take most of its time."""
    results.store.write_benchmark(name, source, {}, results.entries)
    output = results.store.path.parent / "pages" / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        if not figures:
            patch.setattr("vimae_bench.reports.page.report.draw_figures", lambda *_, **__: ())
        call(results.store.path, "--output", output, *words)
    return Page(output.read_text())


@pytest.fixture(scope="module")
def fig1(tmp_path_factory) -> Page:
    output = tmp_path_factory.mktemp("pages") / "fig1.html"
    call(FIG1, "--output", output)
    return Page(output.read_text())


@pytest.fixture
def nasty(results):
    """Names that are markup, escape sequences, formulas and templates at once, wherever a page shows a name."""
    for seed in range(2):
        results.add(NASTY, seed, sse=30.0 + seed)
        results.add("plain", seed, sse=25.0 + seed)
        results.add("lost", seed, "failed", NASTY)
    for folder in results.store.path.glob("runs/*/record.json"):
        record = read_json(folder)
        write_json(folder, record | {"made_by": {"device": NASTY, "torch": "2", "plugins": {NASTY: "1"}}})
    results.refer("svm", {NASTY: 88.0})
    return results


def test_report_shows_intervals_states_and_notes(finished):
    page, board = report(finished), finished.board()
    rows = {said(row[0]): row for row in page.by_id("table-1").iter("tr")}
    assert list(rows) == [
        "method",
        *(r.label if r.is_comparable else f"{r.label} †" for r in board.rows),
        *board.baselines,
    ]
    vae = [said(cell) for cell in rows["VAE"]]
    entry = board.rows[[row.label for row in board.rows].index("VAE")].summaries["svm clean"]
    assert f"{entry.mean:.2f} ± {entry.half_width:.2f}" in vae
    assert said(rows["AE"][2]).endswith("★")
    assert "top" in rows["AE"][2].get("class").split()
    assert "top" not in rows["VAE"][2].get("class").split()
    assert rows["VAE"][2].find("span[@title]").get("title") == "worse than AE"
    assert rows["InfoVAE †"][2].find("span[@title]").get("title") == "not comparable: has 3 of 5 seeds"
    assert all(" ".join(note.split()) in page.said() for note in board.notes)
    assert "reference" in rows["raw pixels"].get("class")


def test_report_shows_the_state_of_every_seed(finished):
    finished.add("VAE", 5, "missing")
    page = report(finished)
    rows = {said(row[0]): said(row[1]) for row in page.by_id("table-1").iter("tr")}
    assert rows["InfoVAE †"].startswith("3 of 6")
    assert "2 diverged" in rows["InfoVAE †"]
    assert "1 missing" in rows["VAE †"]
    assert "5 collapsed" in rows["β_H-VAE †"]
    runs = said(page.by_id("table-1-m4"))
    assert "diverged" in runs
    assert "the loss is nan in epoch 3" in page.said()


def test_record_made_by_other_versions_is_stale(finished):
    path = next(finished.store.path.glob("runs/*-s3-*/record.json"))
    record = read_json(path)
    write_json(path, record | {"made_by": record["made_by"] | {"torch": "1.0", "plugins": {"vimae-bench": "0.0"}}})
    (why,) = find_version_outliers(finished.store.load_results(finished.entries)).values()
    assert why == "vimae-bench 0.0 (most: 0.1.0), torch 1.0 (most: 2.15)"
    page = report(finished)
    assert f"stale: {why}" in page.said()
    assert "stale" not in said(page.by_id("table-1"))
    assert said(page.by_id("provenance")).count(f"{why}.") == 1


def test_distribution_missing_from_some_records_makes_none_stale(finished):
    path = next(finished.store.path.glob("runs/*-s3-*/record.json"))
    record = read_json(path)
    write_json(path, record | {"made_by": record["made_by"] | {"plugins": {"vimae-bench": "0.1.0", "mine": "2"}}})
    assert find_version_outliers(finished.store.load_results(finished.entries)) == {}


def test_numbers_link_to_runs_and_runs_to_folders(finished):
    page = report(finished)
    inside = [link.get("href")[1:] for link in page.all("a") if link.get("href", "").startswith("#")]
    ids = [element.get("id") for element in page.tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert set(inside) <= set(ids)
    shown = [cell for cell in page.by_id("table-1").iter("td") if cell.get("data-order") and cell.find("a") is not None]
    assert len(shown) == sum(len(row.summaries) for row in finished.board().rows)
    folders = [unquote(link.get("href")) for link in page.all("a", **{"class": "out"})]
    written = finished.store.path.parent / "pages"
    assert {(written / folder).resolve() for folder in folders} == {
        folder.resolve() for folder in finished.store.path.glob("runs/*")
    }


def test_numbers_link_to_their_column_and_method(finished):
    page, board = report(finished), finished.board()
    for row in list(page.by_id("table-1").iter("tr"))[1:6]:
        for column, cell in enumerate(row[2:]):
            if (link := cell.find("a")) is not None:
                run = page.by_id(link.get("href")[1:])
                seeds = board.rows[int(link.get("href").split("-m")[1].split("-")[0])].summaries[board.columns[column]]
                assert float(run.get("data-order")) in {estimate.value for estimate in seeds.estimates.values()}


def test_copied_texts_equal_those_of_the_other_formats(finished):
    texts = json.loads(report(finished).by_id("texts").text)
    boards = finished.boards()
    assert texts == {
        "table-1": {
            "LaTeX": leaderboard_latex.format_leaderboards(boards),
            "Markdown": leaderboard_markdown.format_leaderboards(boards),
            "CSV": leaderboard_csv.format_leaderboards(boards),
        }
    }


def test_names_run_nothing_anywhere_in_the_report(nasty):
    page = report(nasty, name=NASTY, source=f"# {NASTY}", figures=True)
    assert len(page.all("script")) == 2
    assert page.all("img") == page.all("iframe") == []
    assert page.said().count("{{ 7*7 }}") > 5
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", page.text)
    assert NASTY[:12] not in page.by_id("texts").text


def test_report_requests_nothing(nasty, fig1):
    for page in (report(nasty, "--mlflow-url", "http://localhost:5000"), fig1):
        for element in page.tree.iter():
            outside = {n for n, v in element.attrib.items() if re.match(r"\s*(https?:|//|javascript:|file:)", v or "")}
            assert not outside or (local(element.tag) == "a" and outside == {"href"})
            acting = {name for name in element.attrib if name == "style" or str(name).startswith("on")}
            assert not acting
        style = page.all("style")
        assert len(style) == 1
        assert "url(" not in style[0].text
        assert "@import" not in style[0].text


def test_policy_allows_only_the_hashed_style_and_script(fig1):
    (meta,) = fig1.all("meta", **{"http-equiv": "Content-Security-Policy"})
    policy = dict(part.strip().split(" ", 1) for part in meta.get("content").split(";"))
    script = fig1.all("script")[-1]
    assert policy == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": f"'{digest(fig1.all('style')[0].text)}'",
        "script-src": f"'{digest(script.text)}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert fig1.all("script")[0].get("type") == "application/json"


def digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@pytest.mark.filterwarnings("ignore:Glyph 27")  # the escape character has no glyph
def test_figures_have_a_name_and_unique_ids():
    def drawn(prefix: str) -> Page:
        figure = Figure()
        figure.subplots().plot([1, 2], label=NASTY)
        figure.suptitle(NASTY, parse_math=False)
        return Page(f"<!doctype html><title>t</title>{draw_panels(figure, NASTY, prefix)[0]}")

    one, other = drawn("a"), drawn("b")
    ids = [{element.get("id") for element in page.tree.iter() if element.get("id")} for page in (one, other)]
    assert not ids[0] & ids[1]
    used = {e.get("href") or e.get("{http://www.w3.org/1999/xlink}href") for e in one.all("use")}
    assert used <= {f"#{name}" for name in ids[0]}
    (picture,) = one.all("svg")
    assert picture.get("role") == "img"
    assert NASTY[:30] in said(one.by_id(picture.get("aria-labelledby")))


def test_report_shows_images_of_each_method(finished):
    images = np.random.default_rng(0).integers(0, 256, (100, 28, 28, 1), np.uint8)
    for cell in finished.entries:
        pictures = finished.store.run_folder(cell.run).pictures
        if cell.label in ("AE", "VAE"):
            pictures.mkdir()
            save_grid(images, 10, pictures / "reconstructions.png")
            save_grid(images, 10, pictures / "samples.png")
    section = report(finished).by_id("answer-1")
    table = section.find(".//table[@class='images']")
    rows = {row[0].text: row for row in table.iter("tr")}
    assert [len(rows[label].findall(".//img")) for label in ("test images", "AE", "VAE", "VIMAE-n")] == [1, 2, 2, 0]
    assert "no images kept" in said(rows["VIMAE-n"])
    (shown, *_) = rows["test images"].findall(".//img")
    with Image.open(BytesIO(base64.b64decode(shown.get("src").partition(",")[2]))) as strip:
        assert np.array_equal(np.asarray(strip)[:, :28], images[0, :, :, 0])
        assert (strip.width, strip.height) == (int(shown.get("width")), int(shown.get("height")))
    assert all(img.get("alt") for img in section.findall(".//img"))


def test_strips_have_the_numbers_of_the_models_that_made_them(finished):
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 1), np.uint8)
    chosen = next(entry for entry in finished.entries if entry.label == "AE" and entry.seed == 3)
    pictures = finished.store.run_folder(chosen.run).pictures
    pictures.mkdir()
    save_grid(images, 10, pictures / "reconstructions.png")
    save_grid(images, 10, pictures / "samples.png")
    table = report(finished).by_id("answer-1").find(".//table[@class='images']")
    heads = [said(head) for head in table.find("thead/tr")]
    assert heads[:4] == ["method", "Reconstructions", "Squared error ↓ of seed 3", "Samples"]
    row = next(row for row in table.iter("tr") if row.get("data-method") == "AE")
    (result,) = (r for r in finished.store.load_results(finished.entries) if r.entry == chosen)
    assert float(said(row[2])) == pytest.approx(result.estimates["sse"].value, abs=0.005)
    assert "Each number is that of one model, of seed 3, over all test images" in said(
        report(finished).by_id("answer-1")
    )


def test_report_shows_claims_if_runs_belong_to_the_paper(fig1):
    text = said(fig1.by_id("claims"))
    assert "20 claims" in text
    assert "Test reconstruction error" in text
    assert sum("claims" in (each.get("class") or "") for each in fig1.by_id("claims").iter("ul")) == 2
    assert len(fig1.by_id("claims").findall(".//li/details")) == 20


def test_report_on_other_data_shows_no_claims(results):
    results.dataset = "digits"
    results.add("VAE", 0, sse=1.0)
    assert "Published claims" not in report(results).said()


def test_report_shows_provenance(fig1):
    text = said(fig1.by_id("provenance"))
    assert "vimae-bench run fig1.toml" in text
    assert 'rank_by = "mmd2 prior"' in text
    assert "torch2.14.1" in text
    assert "Seeds0, 1, 2, 3, 4, 1000" in text


def test_report_evaluates_a_given_paper(finished, tmp_path):
    (tmp_path / "paper.toml").write_text('[source]\ntitle = "Mine"\n[methods.a]\nlabels = ["AE"]\n')
    assert "Mine. 0 claims" in said(report(finished, "--against", tmp_path / "paper.toml").by_id("claims"))


def test_report_states_leaders_baselines_and_all_pairs(finished):
    page = report(finished)
    text = page.said()
    for expected in (
        "ReconstructionAE is significantly better than the other 2 comparable methods.",
        "SVM accuracy (clean): against raw pixels all 3 are worse; against PCA, d = 2 all 3 are better.",
        "Prior matchUndecided: no significant difference between the 3 comparable methods.",
    ):
        assert expected in text
    pairs = [[said(cell) for cell in row] for row in page.by_id("tables").iter("tr") if len(row) == 7]
    assert ["Squared error ↓", "AE", "VAE", "-5.05", "-5.18 to -4.91", "p < 0.001", "AE is better"] in pairs
    (row,) = (row for row in pairs if row[:3] == ["SVM accuracy (clean) ↑", "VAE", "raw pixels"])
    assert (row[3], row[5], row[6]) == ("-27.99", "p < 0.001", "raw pixels is better")


def test_results_folder_without_runs_is_an_error(results):
    results.store.write_benchmark("fig1", "", {}, [])
    assert "has no runs to report" in call(results.store.path, code=2)


def test_report_on_several_folders_counts_states(finished, tmp_path, results):
    other = type(results)(tmp_path / "other")
    for seed in range(5):
        other.add("AE", seed, sse=60.0 + seed % 3)
        other.add("VAE", seed, sse=20.0 + seed**2 % 3 / 2)
        other.add("Mine", seed, sse=40.0 + seed * 3 % 5)
    other.store.write_benchmark("other", "", {}, other.entries)
    found = count_states([*finished.boards(), *other.boards()])
    assert found
    assert [(measure.name, found.tables[measure.name]) for measure in found.measures] == [("sse", 2)]
    counts = {label: cells["sse"] for label, cells in found.rows.items()}
    assert counts == {
        "AE": StateCount(leading=1, worse=1),
        "VAE": StateCount(leading=1, worse=1),
        "VIMAE-n": StateCount(worse=1),
        "β_H-VAE": StateCount(not_comparable=1),
        "InfoVAE": StateCount(not_comparable=1),
        "Mine": StateCount(worse=1),
    }
    page = report(finished, other.store.path)
    assert "AE best or tied in 1, worse in 1" in page.said()
    assert "other: mnist, mlp" in page.said()


def test_report_on_one_table_counts_no_states(finished):
    assert count_states(finished.boards()) is None
    assert "Over all tables" not in report(finished).said()


def test_runs_link_to_their_copies_in_mlflow(finished):
    folder = finished.store.run_folder(finished.entries[0].run)
    write_json(folder.sync_state, {"target": "somewhere", "run_id": "0123456789abcdef"})
    finished.store.run_folder(finished.entries[1].run).sync_state.write_text("{")
    links = [link.get("href") for link in report(finished, "--mlflow-url", "http://localhost:5000/").all("a")]
    assert [link for link in links if link.startswith("http")] == ["http://localhost:5000/#/runs/0123456789abcdef"]
    assert not any(link.get("href").startswith("http") for link in report(finished).all("a"))


def test_invalid_server_address_is_an_error(finished):
    finished.store.write_benchmark("fig1", "", {}, finished.entries)
    text = call(finished.store.path, "--mlflow-url", "javascript:alert(1)", code=2)
    assert "must begin with http:// or https://" in text
    text = call(finished.store.path, "--mlflow-url", "https://me:secret@host", code=2)
    assert "must not contain a password" in text
    assert "secret" not in text


def test_benchmark_without_runs_has_a_report(results):
    results.add("VAE", 0, "missing")
    page = report(results)
    assert "1 missing" in page.said()
    assert "No complete method has a measure with a direction yet." in page.said()


@pytest.mark.parametrize(("seeds", "said"), [(1, "1 seed: nothing is tested"), (2, "2 seeds: nothing is tested")])
def test_one_or_two_seeds_are_reported_without_a_test(results, seeds: int, said: str):
    for seed in range(seeds):
        results.add("VAE", seed, sse=25.0 + seed)
        results.add("AE", seed, sse=24.0 - seed)
    page = report(results)
    assert said in page.said()
    assert "±" not in "".join(page.by_id("table-1").itertext())
    assert "★" not in page.text


def test_page_without_a_variable_is_an_error():
    with pytest.raises(Exception, match="title"):
        render_page("base.html.j2")


def test_wheel_contains_templates_and_assets(tmp_path):
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    page = ROOT / "vimae_bench" / "reports" / "page"
    parts = [*page.glob("assets/*"), *page.glob("templates/*")]
    assert len(parts) >= 5
    with ZipFile(wheel) as opened:
        assert {path.relative_to(ROOT).as_posix() for path in parts} <= set(opened.namelist())
