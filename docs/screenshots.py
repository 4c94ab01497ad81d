"""Take the pictures of MLflow in docs/images from a server that has the results of benchmarks/quickstart.toml.

vimae-bench run benchmarks/quickstart.toml --results /tmp/shown
mlflow ui --backend-store-uri sqlite:////tmp/shown/mlflow.db
python docs/screenshots.py http://localhost:5000
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
PAGES = {"mlflow-methods": "methods", "mlflow-charts": "methods&compareRunsMode=CHART"}
PAGES["mlflow-images"] = "pictures&compareRunsMode=CHART"
SETTLE = 8000
"""Milliseconds until charts are drawn."""


def main(server: str) -> None:
    """Write each picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1400, "height": 840})
        for name, view in PAGES.items():
            page.goto("about:blank")
            page.goto(f"{server}/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey={view}")
            page.locator(".ag-row").first.wait_for(timeout=120_000)
            if (button := page.get_by_role("button", name="Close").first).is_visible():
                button.click()  # an assistant that covers a third of the page
            page.wait_for_timeout(SETTLE)
            image = Image.open(io.BytesIO(page.screenshot()))
            image.convert("RGB").save(IMAGES / f"{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
