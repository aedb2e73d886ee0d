"""The page in a browser: Debian's Chromium, driven by Playwright. Skipped, with the reason, where either is not installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from symkeras import layers, models
from tests.inspection.models import classifier, recurrent

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt install chromium)")


_PLACES = """() => Object.fromEntries([...document.querySelectorAll("g.box")].map((g) => {
    const rect = g.querySelector("rect");
    return [g.dataset.box ?? g.dataset.value, `${rect.getAttribute("x")},${rect.getAttribute("y")}`];
}))"""
"""Box or value -> where it stands, as a function of the browser's."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as p:
        found = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    model, x, y = classifier()
    inspector = model.executable("train").inspect
    inspector.profile(x, y, repeat=1)
    inspector.report(folder / "classifier.html")
    recurrent()[0].executable("train").inspect.report(folder / "recurrent.html")
    return {p.stem: p for p in folder.iterdir()}


class Opened:
    """A page that is open, with all that it complained of and asked for."""

    def __init__(self, browser: Any, path: Path, address: str = "", **context: Any):
        self.page = browser.new_context(viewport={"width": 1400, "height": 900}, **context).new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.goto(f"{path.as_uri()}{f'#{address}' if address else ''}")
        self.page.wait_for_selector("html[data-ready]")

    def places(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate(_PLACES)
        return found

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    def address(self) -> str:
        return str(self.page.evaluate("location.hash"))


@pytest.fixture
def opened(browser: Any, pages: dict[str, Path]) -> Iterator[Opened]:
    one = Opened(browser, pages["classifier"])
    yield one
    assert one.complaints == []
    one.page.context.close()


def test_it_opens_from_a_file_without_an_error_and_asks_for_nothing(opened: Opened) -> None:
    assert opened.text("#name").startswith("sequential")
    assert opened.page.locator("g.box").count() > 8
    assert [r.partition(":")[0] for r in opened.requests] == ["file"]


def test_boxes_stay_where_they_are_from_stage_to_stage_open_and_closed(browser: Any, pages: dict[str, Path]) -> None:
    for path in pages.values():
        one = Opened(browser, path)
        for state in ("closed", "open"):
            before = one.places()
            for _ in range(int(one.page.get_attribute("#slider", "max"))):
                one.page.keyboard.press("[")
                assert one.places() == before
            assert one.text("#stage").startswith("1 of")
            if state == "closed":
                one.page.locator("g.box.layer").first.dblclick()
        assert one.complaints == []
        one.page.context.close()


def test_the_slider_and_the_keys_go_through_the_stages(opened: Opened) -> None:
    last = opened.text("#stage")
    assert last.endswith("what runs")
    opened.page.keyboard.press("[")
    assert opened.text("#stage") != last
    opened.page.keyboard.press("]")
    assert opened.text("#stage") == last
    opened.page.evaluate("() => { const s = document.getElementById('slider'); s.value = 0; s.dispatchEvent(new Event('input')); }")
    assert opened.text("#stage").endswith("written")


def test_a_click_on_a_line_lights_its_code_and_its_boxes(opened: Opened) -> None:
    opened.page.get_by_role("tab", name="source").click()
    line = opened.page.locator("#files .row[data-line]").first
    line.click()
    assert opened.page.locator("#files .row.lit").count() >= 1
    assert opened.page.locator("#pane .line.lit").count() >= 1
    assert opened.page.locator("g.box.chosen").count() >= 1
    assert "emitted" in opened.text("#thing").lower()
    line.locator(".fold").click()
    assert "np." in opened.text("#files .unfolded") or "kernels." in opened.text("#files .unfolded")


def test_a_click_on_an_emitted_line_leads_back_to_the_users_line(opened: Opened) -> None:
    opened.page.get_by_role("tab", name="source").click()
    opened.page.locator("#pane .line.of", has_text="np.matmul").first.click()
    assert "kernel" in opened.text("#thing .kind")
    assert "models.py:" in opened.text("#thing")
    assert opened.page.locator("#files .row.lit").count() >= 1


def test_two_stages_stand_beside_each_other_with_one_choice_lit_in_both(opened: Opened) -> None:
    opened.page.get_by_role("tab", name="beside").click()
    opened.page.locator("#pane select").select_option("0")
    pairs = opened.page.locator("#pane .pair")
    assert pairs.count() > 30
    assert opened.page.locator("#pane .half.differs").count() > 0
    relu = opened.page.locator("#pane .half", has_text="%first_relu = relu")
    relu.first.click()
    lit = opened.page.locator("#pane .pair:has(.lit)", has_text="%first_relu = ")
    assert "%first_relu = relu" in lit.first.inner_text()
    assert "%first_relu = maximum" in lit.first.inner_text()


def test_search_finds_a_value_and_enter_chooses_it(opened: Opened) -> None:
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("second matmul")
    opened.page.keyboard.press("Enter")
    assert opened.text("#thing h3").startswith("%")
    assert "thing=value" in opened.address()
    opened.page.keyboard.press("Escape")
    assert opened.page.locator("g.box.chosen").count() == 0


def test_enter_opens_a_layer_and_arrows_follow_its_edges(opened: Opened) -> None:
    opened.page.locator("g.box.layer", has_text="first").first.click()
    boxes = opened.page.locator("g.box").count()
    opened.page.keyboard.press("Enter")
    assert opened.page.locator("g.box").count() > boxes
    opened.page.keyboard.press("Enter")
    opened.page.keyboard.press("ArrowDown")
    assert opened.text("#thing h3") == "second"
    opened.page.keyboard.press("ArrowRight")
    assert opened.text("#thing h3") == "∇ second"
    opened.page.keyboard.press("ArrowLeft")
    assert opened.text("#thing h3") == "second"


def test_the_address_holds_what_is_looked_at(browser: Any, opened: Opened, pages: dict[str, Path]) -> None:
    opened.page.keyboard.press("[")
    opened.page.keyboard.press("5")
    opened.page.keyboard.press("c")
    opened.page.locator("g.box.layer", has_text="second").first.dblclick()
    address = opened.address()
    again = Opened(browser, pages["classifier"], address.removeprefix("#"))
    for selector in ("#stage", "#thing h3", "#tabs [aria-selected=true]", "#legend"):
        assert again.text(selector) == opened.text(selector)
    assert again.places() == opened.places()
    again.page.context.close()


NOTHING = ("stage=99&thing=box:77&open=1e9,-1,x&tab=__proto__&colour=constructor", "stage=x&thing=value:&open=,", "thing=kernel:length",
           "thing=rewrite:map", "%%%")  # fmt: skip


@pytest.mark.parametrize("address", NOTHING)
def test_an_address_that_means_nothing_is_as_none(browser: Any, pages: dict[str, Path], address: str) -> None:
    one = Opened(browser, pages["classifier"], address)
    assert one.text("#stage").endswith("what runs")
    assert one.complaints == []
    one.page.context.close()


def test_every_pane_shows_something_and_tables_sort(opened: Opened) -> None:
    for name in ("passes", "graph", "beside", "source", "memory", "roofline", "table"):
        opened.page.get_by_role("tab", name=name).click()
        assert opened.page.locator("#pane > *").count() >= 1
        assert opened.page.locator("#pane > .note:only-child").count() == 0
    rows = opened.page.locator("#pane tbody tr")
    opened.page.locator("th", has_text="time").click()
    assert rows.count() == len(opened.page.evaluate("[...document.querySelectorAll('#pane tbody tr')]"))
    first = rows.first.inner_text()
    opened.page.locator("th", has_text="time").click()
    assert rows.first.inner_text() != first


@pytest.mark.parametrize("width", [1400, 800])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_reaches_over_the_window(browser: Any, pages: dict[str, Path], width: int, scheme: str) -> None:
    one = Opened(browser, pages["recurrent"], color_scheme=scheme)
    one.page.set_viewport_size({"width": width, "height": 900})
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width
    assert one.page.evaluate("document.documentElement.scrollHeight") <= 900
    assert one.page.evaluate("document.documentElement.dataset.theme") == scheme
    assert one.complaints == []
    one.page.context.close()


def test_names_full_of_markup_are_text(browser: Any, tmp_path: Path) -> None:
    name = "x\"'><img src=x onerror=window.hacked=1><script>window.hacked=1</script>\n\u2028</style>${1}"
    model = models.Sequential([layers.Input((3,)), layers.Dense(2, name=name), layers.Dense(2)])
    model.compile("sgd", "mse")
    model.executable("train").inspect.report(tmp_path / "page.html", values={name: 2.0})
    one = Opened(browser, tmp_path / "page.html", "colour=own")
    one.page.locator("g.box.layer").first.dblclick()
    for tab in ("passes", "graph", "source", "memory", "table"):
        one.page.get_by_role("tab", name=tab).click()
    one.page.keyboard.press("/")
    one.page.keyboard.type("img")
    assert one.page.locator("#found li").count() >= 1
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("img").count() == 0
    assert "onerror" in one.text("#layers")
    assert one.complaints == []
    one.page.context.close()
