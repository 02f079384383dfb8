"""The page in a real browser: it opens from disk in silence, sorts and filters, runs no stranger's script, and fits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offline_bench.core.paths import project_root
from tests.report.report_pages import Page, golden_page, hostile_page

driver = pytest.importorskip("playwright.sync_api", reason="no browser driver: pip install 'offline-bench[browser]'")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no browser: apt-get install chromium"),
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDTHS = (1280, 390)

# What stands out of the page, or out of the box that scrolls it.
OVERFLOWING = """() => [...document.querySelectorAll('body *')].filter((element) => {
  const box = element.getBoundingClientRect();
  if (!box.width || element.closest('.unseen, .skip, svg *')) return false;
  const holder = element.parentElement.closest('.scroller');
  if (!holder) return box.right > innerWidth + 0.5 || box.left < -0.5;
  return box.right > holder.getBoundingClientRect().left + holder.scrollWidth + 0.5;
}).map((element) => element.outerHTML.slice(0, 120))"""

# Contrast (WCAG 2) of all text that is shown, against the nearest ground behind it.
CONTRASTS = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number)
      .map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if (!/, 0\\)$/.test(color)) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = {};
  for (const element of document.querySelectorAll('body *:not(svg *):not(script)')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const pair = [getComputedStyle(element).color, ground(element)];
    const [a, b] = pair.map(light);
    found[pair.join(' on ')] = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }
  for (const text of document.querySelectorAll('svg text')) {
    const fill = getComputedStyle(text).fill;
    // A number in a cell of a heat map has its own ground.
    if (text.closest('[id^=figure-heat-map]') && /^rgb\\((0, 0, 0|255, 255, 255)\\)$/.test(fill)) continue;
    const pair = [fill, ground(text.closest('svg').parentElement)];
    const [a, b] = pair.map(light);
    found['drawn ' + pair.join(' on ')] = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def home() -> Iterator[None]:
    """Scores by the project's own cards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OFFLINE_BENCH_HOME", str(project_root()))
        yield


@pytest.fixture(scope="module")
def golden(home: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = golden_page()
    path = tmp_path_factory.mktemp("golden") / "report.html"
    path.write_text(page.text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def hostile(home: None) -> Page:
    return hostile_page()


@pytest.fixture(scope="module")
def hostile_path(hostile: Page, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    path.write_text(hostile.text, encoding="utf-8")
    return path


class Opened:
    """A page in the browser, with all it asked for and complained of."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        width = options.pop("width", 1280)
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.told: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.told.append(message.text))
        self.page.on("pageerror", lambda error: self.told.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.told.append(dialog.message), dialog.dismiss()))
        self.page.goto(path.as_uri())


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    opened: list[Opened] = []

    def go(path: Path, **options: Any) -> Opened:
        opened.append(Opened(browser, path, **options))
        return opened[-1]

    yield go
    for one in opened:
        one.context.close()


def column(page: Any, at: int, table: str = "#table-leaderboard") -> list[float | None]:
    """The numbers of a column of the rows that are shown, read off the page; None where there is a dash."""
    texts = (
        page.locator(f"{table} tbody tr:not([hidden]) td:nth-child({at})").locator(".value, strong").all_inner_texts()
    )
    return [None if text == "–" else float(text.replace(",", "")) for text in texts]


def place(page: Any, heading: str) -> int:
    names = page.locator("#table-leaderboard th .name").all_inner_texts()
    return names.index(heading) + 1


def sorts(numbers: list[float | None], down: bool) -> bool:
    told = [number for number in numbers if number is not None]
    last = numbers[: len(told)] == told  # those without a number come last
    return last and told == sorted(told, reverse=down) and len(set(told)) > 1


def test_it_opens_from_disk_without_a_request_or_a_complaint(visit: Any, golden: Path) -> None:
    opened = visit(golden)
    for link in opened.page.locator("nav a").all():
        link.click()
    opened.page.locator("summary").last.click()
    opened.page.locator(".copy:visible").first.click()
    assert opened.asked[0] == golden.as_uri()
    assert all(url.startswith(("data:", golden.as_uri())) for url in opened.asked)
    assert opened.told == []
    assert opened.page.title().endswith("· offline_bench")


def test_every_column_is_sorted_by_mouse_both_ways(visit: Any, golden: Path) -> None:
    page = visit(golden).page
    for heading in ("original", "negative", "behavior"):
        button = page.locator("#table-leaderboard th button", has_text=heading)
        button.click()
        assert sorts(column(page, place(page, heading)), down=True)
        assert page.locator("#table-leaderboard th[aria-sort]").get_attribute("aria-sort") == "descending"
        button.click()
        assert sorts(column(page, place(page, heading)), down=False)
        assert page.locator("#table-leaderboard th[aria-sort]").get_attribute("aria-sort") == "ascending"
    page.locator("#table-leaderboard th button", has_text="dataset").click()
    names = page.locator("#table-leaderboard td:first-child").all_inner_texts()
    assert names == sorted(names)
    page.locator("#table-leaderboard th button", has_text="runs").click()
    runs = page.locator("#table-leaderboard td:last-child").all_inner_texts()
    assert runs[-1] == "12/14"  # the least complete


def test_a_number_is_sorted_as_a_number_and_one_that_is_missing_comes_last_both_ways(visit: Any, golden: Path) -> None:
    page = visit(golden).page
    published = page.locator("#table-positive-bias th .name").all_inner_texts().index("published") + 1
    for down in (True, False):
        page.locator("#table-positive-bias th button", has_text="published").click()
        numbers = column(page, published, "#table-positive-bias")
        assert None in numbers
        assert sorts(numbers, down)
    lengths = page.locator("#table-cells th .name").all_inner_texts().index("length") + 1
    page.locator("#table-cells th button", has_text="length").click()
    assert sorts(column(page, lengths, "#table-cells"), down=True)


def test_it_is_sorted_by_keyboard_and_one_sees_where_one_is(visit: Any, golden: Path) -> None:
    page = visit(golden).page
    page.keyboard.press("Tab")
    skip = page.evaluate("[document.activeElement.className, document.activeElement.getBoundingClientRect().left]")
    assert skip[0] == "skip"
    assert skip[1] >= 0
    page.locator("#table-leaderboard .filters select").first.focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("document.activeElement.textContent") == "zero":
            break
    page.keyboard.press("Enter")
    assert sorts(column(page, place(page, "zero")), down=True)
    page.keyboard.press("Space")
    assert sorts(column(page, place(page, "zero")), down=False)
    assert page.evaluate("document.activeElement.textContent") == "zero"


def test_filters_leave_the_rows_they_name_and_say_how_many(visit: Any, golden: Path) -> None:
    page = visit(golden).page
    board = page.locator("#table-leaderboard .filters")
    rows = page.locator("#table-leaderboard tbody tr")
    status = page.locator("#table-leaderboard .status")
    assert rows.count() == 5
    assert status.inner_text() == "5 of 5 rows shown"
    board.get_by_label("algorithm").select_option("td3-plus-bc")
    assert status.inner_text() == "2 of 5 rows shown"
    assert {row.locator("td").nth(2).inner_text() for row in rows.all() if row.is_visible()} == {"td3-plus-bc"}
    page.locator("#table-leaderboard th button", has_text="zero").click()
    assert sum(row.is_visible() for row in rows.all()) == 2
    board.get_by_label("dataset").select_option(index=1)
    assert status.inner_text() == "1 of 5 rows shown"
    page.locator("#table-leaderboard button", has_text="show all").click()
    assert status.inner_text() == "5 of 5 rows shown"
    page.locator("#table-leaderboard input").focus()
    page.keyboard.type("DROP atac")
    assert status.inner_text() == "1 of 5 rows shown"
    assert next(row for row in rows.all() if row.is_visible()).locator("td").nth(1).inner_text() == "drop-terminals"
    page.keyboard.type(" nothing")
    assert status.inner_text() == "0 of 5 rows shown"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert status.inner_text() == "5 of 5 rows shown"


def test_a_hostile_name_runs_no_script_and_stands_there_as_text(visit: Any, hostile: Page, hostile_path: Path) -> None:
    opened = visit(hostile_path)
    page = opened.page
    page.locator("#table-leaderboard th button").first.click()
    page.locator("#table-leaderboard select").first.select_option(index=2)
    page.locator("summary").last.click()
    page.locator(".copy:visible").last.click()
    assert opened.told == []
    assert all(url.startswith(("data:", hostile_path.as_uri())) for url in opened.asked)
    assert not page.title().startswith("ran")
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, embed, [onload], [onerror], [style], foreignObject").count() == 0
    links = page.evaluate("[...document.querySelectorAll('a')].map((a) => a.protocol)")
    assert set(links) == {"file:", "data:"}
    shown = page.locator("body").inner_text()
    assert "<script>document.title='ran'</script>" in shown
    assert "\u202e" not in page.content()
    assert "{{ 7*7 }}" in shown


def test_a_hostile_name_runs_no_script_in_a_figure_that_is_opened_alone(
    visit: Any, hostile: Page, tmp_path: Path
) -> None:
    for figure in hostile.figures:
        path = tmp_path / f"{figure.name}.svg"
        path.write_text(figure.svg, encoding="utf-8")
        opened = visit(path)
        assert opened.told == [], figure.name
        assert opened.page.evaluate("document.title") != "ran"
        assert opened.page.evaluate("document.querySelectorAll('script, image, foreignObject').length") == 0


def test_the_policy_stops_a_script_that_did_get_in(visit: Any, golden: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    text = golden.read_text(encoding="utf-8")
    path.write_text(text.replace("<main", "<img src=x onerror=\"document.title='ran'\"><script>x()</script><main", 1))
    opened = visit(path)
    assert opened.page.title() != "ran"
    assert sum("Content Security Policy" in line for line in opened.told) >= 2


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_out_of_the_page_and_all_text_can_be_read(
    visit: Any, golden: Path, hostile_path: Path, width: int, scheme: str
) -> None:
    for path in (golden, hostile_path):
        page = visit(path, width=width, color_scheme=scheme).page
        page.locator("summary").last.click()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.evaluate(OVERFLOWING) == []
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) >= 3
        assert min(contrasts.values()) >= 4.5, contrasts
        ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (ground == "rgb(253, 252, 250)") == (scheme == "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_print_all_rows_are_there_in_black_on_white_and_no_controls(visit: Any, golden: Path, scheme: str) -> None:
    page = visit(golden, color_scheme=scheme).page
    page.locator("#table-leaderboard input").fill("nothing of the kind")
    page.set_viewport_size({"width": 703, "height": 1000})  # an A4 sheet between its margins
    page.emulate_media(media="print")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 703
    rows = page.locator("#table-leaderboard tbody tr")
    assert all(row.is_visible() for row in rows.all())
    for hidden in ("nav", ".filters", ".downloads", ".what", ".copy"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator("details:not([open]) code").first.evaluate("(code) => code.getBoundingClientRect().height") > 0
    ground, ink = page.evaluate(
        "[getComputedStyle(document.documentElement)].map((s) => [s.backgroundColor, s.color])[0]"
    )
    assert (ground, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    assert min(page.evaluate(CONTRASTS).values()) >= 4.5


def test_without_script_everything_is_there_to_read(visit: Any, golden: Path) -> None:
    page = visit(golden, java_script_enabled=False).page
    assert page.locator("#table-leaderboard tbody tr").count() == 5
    assert all(row.is_visible() for row in page.locator("#table-leaderboard tbody tr").all())
    assert page.locator("button:visible, select:visible, input:visible").count() == 0
    page.locator("#table-leaderboard .what").last.click()
    assert page.url.endswith("#def-runs")


def test_the_same_text_is_found_in_the_file_that_a_link_gives(visit: Any, golden: Path, tmp_path: Path) -> None:
    page = visit(golden).page
    with page.expect_download() as waiting:
        page.locator("#leaderboard .downloads a").first.click()
    waiting.value.save_as(tmp_path / "taken.csv")
    assert waiting.value.suggested_filename == "leaderboard.csv"
    assert (tmp_path / "taken.csv").read_text(encoding="utf-8").startswith("dataset,curation,algorithm,steps")
