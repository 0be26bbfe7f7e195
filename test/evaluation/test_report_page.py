"""The report in a real browser, headless, as a reader opens it."""

import re
import shutil
from dataclasses import replace

import pytest
from example_result import (
    CONFUSION,
    NAMES,
    RESULT,
    example_pictures,
    example_rows,
    example_space,
    without_truth,
)

from asymformer_ros.evaluation.report import write_report

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver"
)

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1300,900",
)
BROKEN = replace(
    RESULT, complete=False, problems=("the bag ends in <b>the middle</b>", "2 images are no images")
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def shown(browser, tmp_path):
    """Opens a report; returns a function from a selector to the elements."""

    def show(result=RESULT, count=10, search="", with_truth=True):
        rows = example_rows(count)
        pictured = example_pictures(rows, with_truth)
        write_report(tmp_path / "report.html", result, rows, pictured, example_space())
        # From another page: with the same address but for its end nothing would be loaded.
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get((tmp_path / "report.html").as_uri() + search)
        return lambda selector: browser.find_elements("css selector", selector)

    return show


def texts(elements):
    return [one.text for one in elements if one.is_displayed()]


def class_names(find):
    return texts(find("#class-table tbody th"))


def column(find, index):
    return texts(find(f"#frame-table tbody td:nth-child({index})"))


def header(find, table, title):
    return next(one for one in find(f"#{table} thead button") if one.text == title)


def test_it_opens_without_complaint(browser, shown):
    shown()
    assert browser.get_log("browser") == []


def test_nothing_is_asked_of_anybody(browser, shown):
    browser.get_log("performance")
    shown()
    asked = [
        entry["message"].partition('"url":"')[2].partition('"')[0]
        for entry in browser.get_log("performance")
        if "Network.requestWillBeSent" in entry["message"]
    ]
    resources = browser.execute_script(
        "return performance.getEntriesByType('resource').map(one => one.name)"
    )
    assert any(one.startswith("file:") for one in asked)
    assert all(one.startswith(("file:", "data:", "about:")) for one in asked)
    assert all(one.startswith("data:") for one in resources)


def test_the_policy_stops_a_picture_from_elsewhere(browser, shown):
    shown()
    blocked = browser.execute_async_script(
        "document.addEventListener('securitypolicyviolation',"
        " event => arguments[0](event.blockedURI));"
        "new Image().src = 'http://127.0.0.1:9/picture.png'"
    )
    assert blocked.startswith("http://127.0.0.1:9")


def test_the_figures_are_those_of_the_result(shown):
    find = shown(replace(RESULT, scores_with_drops=replace(RESULT.scores, mean_iou=0.4)))
    values = {
        tile.get_attribute("data-figure"): tile.find_element("css selector", ".value").text
        for tile in find(".tile")
    }
    assert values == {
        "mean_iou": "43.21%",
        "pixel_accuracy": "82.95%",
        "mean_accuracy": "59.75%",
        "with_drops": "40.00%",
        "flicker": "6.32%",
        "latency": "21.2 ms",
        "segmented": "10",
        "engine_share": "90.21%",
    }
    row = find("#class-table tr[data-search=chair]")[0]
    cells = texts(row.find_elements("css selector", ".bar"))
    assert cells == ["51.3%", "66.7%", "14.0%", "14.0%"]
    assert "floor 17%, wall 10%" in row.text


def test_bars_end_where_their_scale_says(browser, shown):
    find = shown()
    zero, hundred = find("#class-table thead .scale")[0].find_elements("css selector", "span")
    cell = next(one for one in find("#class-table .bar") if one.text == "76.9%")
    style = "return getComputedStyle(arguments[0]).backgroundSize"
    share, less = map(float, re.findall(r"[0-9.]+", browser.execute_script(style, cell))[:2])
    inside = browser.execute_script("return arguments[0].clientWidth", cell)
    scale = hundred.location["x"] - zero.location["x"]
    assert inside * share / 100 - less == pytest.approx(0.7692 * scale, abs=2)


def test_what_became_of_the_images_is_told(shown):
    rows = [one.text for one in shown()("#times tbody tr")]
    assert "colour images received 12" in rows
    assert "colour dropped: decode 2" in rows
    assert "depth dropped: unpaired 1" in rows


def test_the_search_filters_classes_and_frames(shown):
    find = shown()
    box = find("#search")[0]
    box.send_keys("CHAIR")
    assert class_names(find) == ["chair"]
    assert texts(find("#matrix tbody th")) == ["chair"]
    assert find("#found")[0].text == "1 of 5 classes, 3 pictured frames, 0 of 10 frames"
    box.clear()
    box.send_keys("frame00007")
    assert column(find, 2) == ["frame00007"]
    assert class_names(find) == []
    assert texts(find("#pictures > .none")) == ["No pictured frame matches."]
    box.clear()
    box.send_keys(Keys.SPACE)
    assert len(class_names(find)) == len(NAMES)
    assert len(column(find, 2)) == 10


def test_the_address_can_hold_what_is_searched(browser, shown):
    find = shown(search="#q=chair")
    assert class_names(find) == ["chair"]
    assert find("#search")[0].get_attribute("value") == "chair"
    find("#search")[0].send_keys(Keys.BACKSPACE * 5, "wall & floor")
    assert browser.current_url.endswith("#q=wall%20%26%20floor")
    browser.execute_script("location.hash = '#q=floor'")
    assert class_names(find) == ["floor"]


def test_classes_are_sorted_by_what_is_clicked(shown):
    find = shown()
    assert class_names(find) == ["floor", "wall", "chair", NAMES[4], "lamp"]
    header(find, "class-table", "no.").click()
    assert class_names(find) == list(NAMES)
    header(find, "class-table", "accuracy").click()
    assert class_names(find) == ["floor", "wall", "chair", NAMES[4], "lamp"]
    header(find, "class-table", "accuracy").click()
    # The lamp has no accuracy: it stays last.
    assert class_names(find) == [NAMES[4], "chair", "wall", "floor", "lamp"]
    assert find("#class-table th[aria-sort=ascending]")[0].text.startswith("accuracy")


def test_frames_are_sorted_by_what_is_clicked(shown):
    find = shown()
    assert column(find, 1) == [str(number) for number in range(10)]
    header(find, "frame-table", "mean IoU").click()
    assert column(find, 3)[:3] == ["90.0%", "80.0%", "70.0%"]
    header(find, "frame-table", "latency, ms").click()
    assert column(find, 6)[:2] == ["30.0", "28.5"]
    header(find, "frame-table", "flicker").click()
    header(find, "frame-table", "flicker").click()
    assert column(find, 7) == ["10.0%"] * 9 + ["–"]


def test_of_many_frames_the_first_200_are_shown(shown):
    find = shown(count=1000)
    assert len(find("#frame-table tbody tr")) == 200
    assert "The first 200 of 1000 are shown." in find("#frames")[0].text
    header(find, "frame-table", "mean IoU").click()
    assert column(find, 1)[0] == "999"
    find("#search")[0].send_keys("frame0051")
    assert sorted(column(find, 1)) == [str(number) for number in range(510, 520)]


def test_all_pictures_are_there(browser, shown):
    find = shown()
    pictures = find("img")
    assert len(pictures) == 15
    for one in pictures:
        size = browser.execute_script(
            "return arguments[0].decode().then(() =>"
            " [arguments[0].naturalWidth, arguments[0].naturalHeight])",
            one,
        )
        assert size == [80, 60]
    assert texts(find("#pictures h3")) == ["The best frames", "The worst frames", "Random frames"]


def test_a_picture_names_the_class_under_the_pointer(browser, shown):
    prediction = shown()("img[data-labels]")[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", prediction)
    quarter = prediction.size["width"] // 4, prediction.size["height"] // 4
    told = prediction.find_element("xpath", "..").find_element("css selector", ".under")
    ActionChains(browser).move_to_element_with_offset(prediction, *quarter).perform()
    assert told.text == "unlabelled"
    ActionChains(browser).move_to_element_with_offset(prediction, -quarter[0], quarter[1]).perform()
    assert told.text == "chair"


def test_a_cell_of_the_matrix_tells_its_value_by_pointer_and_by_keys(browser, shown):
    find = shown()
    first = find("#matrix tbody td")[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", first)
    ActionChains(browser).move_to_element(first).perform()
    assert find("#cell")[0].text == "wall found as wall: 82.35% (700 of 850 pixels)"
    first.click()
    first.send_keys(Keys.ARROW_DOWN)
    browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    share = CONFUSION[2][1] / sum(CONFUSION[2])
    assert find("#cell")[0].text == f"chair taken for floor: {share:.2%} (50 of 300 pixels)"


def test_names_that_look_like_markup_are_shown_as_text(browser, shown):
    subject = replace(
        RESULT.subject, path="/data/<img src=x onerror=hacked=1>", settings={"color": NAMES[4]}
    )
    find = shown(replace(BROKEN, subject=subject))
    assert NAMES[4] in class_names(find)
    assert NAMES[4] in texts(find("#matrix tbody th"))
    assert subject.path in find("header")[0].text
    assert NAMES[4] in find("header")[0].text
    assert "the bag ends in <b>the middle</b>" in find("#problems")[0].text
    assert browser.execute_script("return typeof hacked") == "undefined"
    assert browser.get_log("browser") == []


def test_a_partial_result_and_problems_cannot_be_missed(shown):
    find = shown(BROKEN)
    banner, problems = find("#partial")[0], find("#problems")[0]
    assert "did not reach its end" in banner.text
    assert "2 images are no images" in problems.text
    assert banner.location["y"] < problems.location["y"] < find("#figures")[0].location["y"] < 900
    assert banner.size["width"] > 1000


def test_a_complete_result_has_no_banner(shown):
    assert shown()(".banner") == []


def test_without_truth_there_are_no_scores_and_still_pictures(browser, shown):
    find = shown(without_truth(), with_truth=False)
    assert [one.get_attribute("data-figure") for one in find(".tile")] == [
        "flicker",
        "latency",
        "segmented",
        "engine_share",
    ]
    assert find("#matrix") == []
    assert class_names(find)[0] == "floor"
    assert len(find("img")) == 9
    assert texts(find("#pictures h3"))[0] == "The most confident frames"
    find("#search")[0].send_keys("lamp")
    assert class_names(find) == ["lamp"]
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("width", [360, 768, 1300])
def test_the_page_fits_the_screen(browser, shown, width):
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        shown(BROKEN)
        wide = browser.execute_script("return document.documentElement.scrollWidth")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(browser, shown, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        find = shown(BROKEN)
        pairs = [
            (one.value_of_css_property("color"), paper.value_of_css_property("background-color"))
            for one, paper in [
                (find(".tile .note")[0], find("#figures")[0]),
                (find(".tile .value")[0], find("#figures")[0]),
                (find("nav a")[0], find("nav")[0]),
                (find("#partial p")[0], find("#partial")[0]),
                (find("#problems li")[0], find("#problems")[0]),
            ]
        ]
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    for ink, paper in pairs:
        assert contrast(ink, paper) >= 4.5
    # The papers of the two schemes differ, or the scheme was not looked at.
    assert (luminance(pairs[0][1]) > 0.5) == (scheme == "light")


def contrast(first, second):
    """The ratio of WCAG 2.1."""
    dark, light = sorted(map(luminance, (first, second)))
    return (light + 0.05) / (dark + 0.05)


def luminance(color):
    """The relative luminance of WCAG 2.1, of CSS's rgba(r, g, b, a)."""
    parts = [float(part) / 255 for part in color.partition("(")[2].rstrip(")").split(",")[:3]]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
