"""Make report.png, the picture in the README: `python docs/images/make_report_image.py`.

It runs the demo and photographs the top of its report at desktop width, leaving out the table of amounts, the captions
and the rounds of the cascade. It needs chromium (`apt-get install chromium`) and playwright (in the group `test`).
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from levcore.demo import crash_test, one_day, save

WIDTH, MARGIN = 1280, 28
LEFT_OUT = "#headline ~ .scroll, #headline ~ .note, section > .note, figcaption, .tall { display: none !important; }"
DRAWN = "document.querySelectorAll('.js-plotly-plot').length === document.querySelectorAll('.plot').length"
END = "document.getElementById('amplification').closest('section').getBoundingClientRect().bottom"


def photograph(page: Path, picture: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not on the PATH: apt-get install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": 900})
        tab.set_default_timeout(120_000)
        tab.goto(page.as_uri())
        tab.wait_for_function(DRAWN)
        tab.add_style_tag(content=LEFT_OUT)
        tab.wait_for_timeout(500)
        height = tab.evaluate(END) + MARGIN
        tab.screenshot(path=picture, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()


if __name__ == "__main__":
    test = crash_test()
    with TemporaryDirectory() as directory:
        report, *_ = save(test, one_day(test), Path(directory))
        photograph(report, Path(__file__).with_name("report.png"))
