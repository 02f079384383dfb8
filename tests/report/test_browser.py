"""The page in a real browser: it opens from disk in silence, sorts and filters, runs no stranger's script, and fits."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from offline_bench.commands.report_page import PAGE, write_page
from offline_bench.core.paths import project_root
from offline_bench.runs.store import PACKED
from offline_bench.runs.suites import load_suite
from tests.report.report_pages import Page, golden_page, hostile_page

WANTED = "no browser driver: pip install 'offline-bench[browser]'"
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=WANTED)
driver = pytest.importorskip("playwright.sync_api", reason=WANTED)
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
HEIGHTS = {1280: 900, 390: 844}
WIDTHS = tuple(HEIGHTS)

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


# The middle of each reward's mark in the legend of a figure, in pixels of the page; and the outlines of the marks.
MARKS = """(svg) => {
  const uses = [...svg.querySelectorAll('use')].filter((use) => !use.closest('defs')).slice(0, 4);
  return uses.map((use) => use.getBoundingClientRect()).map((box) => ({
    x: scrollX + box.left + box.width / 2, y: scrollY + box.top + box.height / 2}));
}"""
SHAPES = """(svg) => [...svg.querySelectorAll('use')].filter((use) => !use.closest('defs')).slice(0, 4)
  .map((use) => document.querySelector(use.getAttribute('xlink:href') || use.getAttribute('href')).getAttribute('d'))"""


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

    def __init__(self, browser: Any, path: Path, *, width: int = 1280, folded: bool = False, **options: Any) -> None:
        size = {"width": width, "height": HEIGHTS[width]}
        self.context = browser.new_context(viewport=size, reduced_motion="reduce", **options)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.told: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.told.append(message.text))
        self.page.on("pageerror", lambda error: self.told.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.told.append(dialog.message), dialog.dismiss()))
        self.page.goto(path.as_uri())
        if not folded:
            self.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")


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
    opened = visit(golden, folded=True)
    for heading in opened.page.locator(".section > summary").all():
        heading.click()
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
    page.locator(".copy:visible").last.click()
    page.locator(".id").first.click()
    assert opened.told == []
    assert all(url.startswith(("data:", hostile_path.as_uri())) for url in opened.asked)
    assert not page.title().startswith("ran")
    assert page.locator("script").count() == 1
    # The page's own script places its own tip.
    foreign = "img, iframe, object, embed, [onload], [onerror], [style]:not(#tip), foreignObject"
    assert page.locator(foreign).count() == 0
    links = page.evaluate("[...document.querySelectorAll('a')].map((a) => a.protocol)")
    # What the authors of a suite link to leads out of the page, and is fetched when followed.
    assert set(links) == {"file:", "data:", "https:"}
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
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = false")
    page.set_viewport_size({"width": 703, "height": 1000})  # an A4 sheet between its margins
    page.emulate_media(media="print")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 703
    rows = page.locator("#table-leaderboard tbody tr")
    assert all(row.is_visible() for row in rows.all())
    for hidden in (".folds", ".filters", ".downloads", ".what", ".copy", ".unprinted .command"):
        assert not page.locator(hidden).first.is_visible()
    printed = "details:not([open], .unprinted) code"
    assert page.locator(printed).first.evaluate("(code) => code.getBoundingClientRect().height") > 0
    # What is not printed says so, and no drawing is torn by the end of a sheet.
    told = page.locator(".unprinted > summary").evaluate_all(
        "(all) => all.map((s) => getComputedStyle(s, '::after').content)"
    )
    assert told
    assert all("left out in print" in text for text in told)
    assert (
        max(page.locator(".drawing svg").evaluate_all("(all) => all.map((s) => s.getBoundingClientRect().height)"))
        < 900
    )
    ground, ink = page.evaluate(
        "[getComputedStyle(document.documentElement)].map((s) => [s.backgroundColor, s.color])[0]"
    )
    assert (ground, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    assert min(page.evaluate(CONTRASTS).values()) >= 4.5


def test_without_script_everything_is_there_to_read(visit: Any, golden: Path) -> None:
    page = visit(golden, java_script_enabled=False, folded=True).page
    page.locator("#leaderboard > summary").click()
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


@pytest.fixture(scope="module")
def committed() -> Path:
    """The page of a whole suite, as it is committed."""
    return project_root() / "results" / "coverage" / "report.html"


@pytest.fixture(scope="module")
def grids(home: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the suite whose paths are drawn."""
    suite, folder = load_suite("grids"), tmp_path_factory.mktemp("grids")
    (folder / PACKED).write_bytes((suite.folder / PACKED).read_bytes())
    write_page(folder, suite)
    return folder / PAGE


@pytest.mark.parametrize(("width", "screens"), [(1280, 2), (390, 3)])
def test_the_answer_its_caveat_picture_findings_and_trust_stand_on_the_first_screens(
    visit: Any, golden: Path, committed: Path, width: int, screens: int
) -> None:
    for path in (golden, committed):
        page = visit(path, width=width, folded=True).page
        for part in (".headline", "#figure-glance svg", ".told li", ".trust dd"):
            box = page.locator(part).last.bounding_box()
            assert box["y"] + box["height"] <= screens * HEIGHTS[width], part
        sizes = page.locator(".headline").evaluate_all("(all) => all.map((one) => getComputedStyle(one).font)")
        inks = page.locator(".headline").evaluate_all("(all) => all.map((one) => getComputedStyle(one).color)")
        assert len(set(sizes)) == len(set(inks)) == 1
        assert page.locator(".trust dt").first.inner_text() == "Competence"
        assert page.evaluate("document.scrollingElement.scrollHeight") <= (screens + 2) * HEIGHTS[width]
    assert page.locator(".headline").count() == 2


def test_every_section_is_folded_says_what_it_found_and_opens_by_keyboard(visit: Any, golden: Path) -> None:
    page = visit(golden, folded=True).page
    sections = page.locator("details.section")
    assert sections.count() > 10
    assert page.locator("details.section[open]").count() == 0
    for section in sections.all():
        line = section.locator(".line").inner_text()
        assert len(line) > 20 and line.endswith("."), line
        assert section.locator("summary .line").count() == 1
        section.locator(":scope > summary").focus()
        page.keyboard.press("Enter")
        assert section.evaluate("(fold) => fold.open")
    page.locator(".folds button").click()
    assert page.locator("details.section[open]").count() == 0
    page.goto(f"{golden.as_uri()}#def-score")
    assert page.locator("#def-score").is_visible()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_definition_opens_where_the_reader_is_by_keyboard_and_closes_again(
    visit: Any, golden: Path, width: int
) -> None:
    page = visit(golden, width=width).page
    button = page.locator("#table-leaderboard th .what").last
    wanted = page.locator("#def-runs dd").inner_text()
    tip = page.locator("#tip")
    button.focus()
    for opening, closing in (("Enter", "Escape"), ("Space", "Enter")):
        page.keyboard.press(opening)
        assert tip.is_visible()
        assert wanted in tip.inner_text()
        # It is put in its place after it is shown: a busy machine shows both.
        page.wait_for_function(
            "() => (({left, right}) => left >= 0 && right <= innerWidth)(tip.getBoundingClientRect())"
        )
        box, mark = tip.bounding_box(), button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert min(abs(box["y"] - mark["y"] - mark["height"]), abs(box["y"] + box["height"] - mark["y"])) < 20
        page.keyboard.press(closing)
        assert not tip.is_visible()
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "What runs is"
    button.click()
    assert tip.is_visible()
    button.click()
    assert not tip.is_visible()
    page.locator("#table-leaderboard th .what").first.click()
    page.get_by_label("What zero is").first.click()
    assert page.locator("#def-iqm dd").inner_text() in tip.inner_text()


def test_a_dataset_has_a_short_name_and_its_id_is_a_tap_away(visit: Any, golden: Path) -> None:
    page = visit(golden, width=390).page
    name = page.locator("#table-leaderboard .id").first
    assert name.inner_text() == "hopper/medium-expert-v0"
    name.click()
    assert "offline-bench/hopper/medium-expert-v0" in page.locator("#tip").inner_text()


def test_on_a_phone_the_first_column_stays_and_a_score_is_seen_without_scrolling(
    visit: Any, golden: Path, committed: Path
) -> None:
    for path in (golden, committed):
        page = visit(path, width=390).page
        row = page.locator("#table-leaderboard tbody tr").nth(1)
        names = row.locator("td").first
        for told in row.locator("td.folded .value").all_text_contents():
            assert told in names.inner_text().replace("\n", "")
        score = row.locator("td.number").nth(1).locator(".value, strong").bounding_box()
        assert score["x"] + score["width"] <= 390
        before = names.bounding_box()["x"]
        page.locator("#table-leaderboard .scroller").evaluate("(box) => box.scrollTo(300, 0)")
        assert names.bounding_box()["x"] == before
        assert score["x"] > row.locator("td.number").nth(1).bounding_box()["x"]


def test_at_desktop_width_no_table_and_no_figure_is_cut(visit: Any, golden: Path, committed: Path) -> None:
    cut = "(all) => all.filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.parentElement.id)"
    for path in (golden, committed):
        assert visit(path).page.locator(".scroller").evaluate_all(cut) == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("folded", [True, False])
def test_the_accessibility_tree_has_no_serious_fault(
    visit: Any, golden: Path, width: int, scheme: str, folded: bool
) -> None:
    page = visit(golden, width=width, color_scheme=scheme, folded=folded).page
    if not folded:
        page.locator("#answer .what").first.click()
    found = axe.Axe().run(page).response["violations"]
    assert [
        (one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")
    ] == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_whole_suites_have_no_serious_fault_either_and_nothing_of_them_is_cut(
    visit: Any, committed: Path, grids: Path, width: int, scheme: str
) -> None:
    for path in (committed, grids):
        page = visit(path, width=width, color_scheme=scheme).page
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.evaluate(OVERFLOWING) == []
        assert min(page.evaluate(CONTRASTS).values()) >= 4.5
        found = axe.Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] != "minor"] == []


def test_the_paths_stand_on_the_page_of_grids_where_the_reading_links_to_them(visit: Any, grids: Path) -> None:
    page = visit(grids, folded=True).page
    assert page.locator("#paths figure").count() == 3
    assert not page.locator("#paths figure").first.is_visible()
    page.locator("#reading > summary").click()
    page.locator("#reading a[href='#paths']").click()
    page.locator("#paths figure").first.wait_for(state="visible")


@pytest.mark.parametrize("deficiency", ["deuteranopia", "protanopia", "tritanopia", "achromatopsia"])
def test_the_marks_of_rewards_stay_apart_whatever_colors_one_sees(visit: Any, golden: Path, deficiency: str) -> None:
    """By color where there is any, and by shape always."""
    opened = visit(golden)
    opened.context.new_cdp_session(opened.page).send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
    drawing = opened.page.locator("#figure-glance svg")
    seen = []
    for mark in drawing.evaluate(MARKS):
        picture = opened.page.screenshot(clip={"x": mark["x"], "y": mark["y"], "width": 1, "height": 1})
        seen.append(read_pixel(picture))
    assert len(seen) == 4
    apart = [sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) ** 0.5 for one, two in combinations(seen, 2)]
    assert min(apart) > (0.0 if deficiency == "achromatopsia" else 20.0)
    assert len(set(drawing.evaluate(SHAPES))) == 4


def read_pixel(picture: bytes) -> list[float]:
    from matplotlib.image import imread

    return [255.0 * float(channel) for channel in imread(io.BytesIO(picture))[0, 0, :3]]
