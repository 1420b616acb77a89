"""The page in a real browser, where there is one."""

import csv
import io
import shutil
import threading

import pytest
from axe_core_python.selenium import Axe
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait
from werkzeug.serving import make_server

from serving.app import create_app
from serving.batcher import Batcher
from serving.problems import Problem
from serving.settings import Settings

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="no Chromium with its driver here")
# WCAG's contrast ratio of the least readable marked word: axe-core passes over backgrounds that CSS has mixed.
CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function luminance(...layers) {
  for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
  const [red, green, blue] = Array.from(canvas.getImageData(0, 0, 1, 1).data, (byte) => byte / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
const paper = getComputedStyle(document.body).backgroundColor;
return Math.min(...Array.from(document.querySelectorAll("#words .word"), (word) => {
  const { color, backgroundColor } = getComputedStyle(word);
  const [dark, light] = [luminance(paper, backgroundColor), luminance(color)].sort((one, other) => one - other);
  return (light + 0.05) / (dark + 0.05);
}));
"""
LIMITS = {"max_texts": 2, "max_characters": 50}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    flags = "headless=new no-sandbox disable-gpu no-first-run disable-background-networking disable-component-update"
    for flag in f"{flags} disable-quic disable-sync".split():
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


class Page:
    """What somebody does on the page, and what it then shows."""

    def __init__(self, browser, downloads):
        self.browser, self.downloads = browser, downloads
        browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})

    def __getitem__(self, name):
        return self.browser.find_element(By.ID, name)

    def wait(self, condition):
        return WebDriverWait(self.browser, 20, poll_frequency=0.02).until(lambda _: condition())

    def wait_for(self, name, text=""):
        self.wait(lambda: self[name].is_displayed() and text in self[name].text)
        return self[name].text

    def press(self, *keys):
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)

    def open(self, name, content):
        path = self.downloads.parent / name
        path.write_bytes(content)
        self["file"].send_keys(str(path))

    def downloaded(self, name):
        self["download"].click()
        path = self.downloads / name
        self.wait(lambda: path.exists() and path.stat().st_size)  # the browser keeps the name with an empty file first
        return path.read_bytes()

    def predictions(self):
        cells = [row.find_elements(By.TAG_NAME, "td") for row in self["rows"].find_elements(By.TAG_NAME, "tr")]
        return [tuple(cell.text for cell in row) for row in cells]


@pytest.fixture
def visit(browser, predictor, tmp_path):
    """Open the page of an application with these settings."""
    servers = []
    browser.get_log("browser")

    def visit(fragment="", *, width=1000, height=800, scheme="light", motion="no-preference", **settings):
        server = make_server("127.0.0.1", 0, create_app(Settings(**LIMITS | settings), predictor), threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        media = {"features": [{"name": name, "value": value} for name, value in features.items()]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        browser.get(f"http://127.0.0.1:{server.port}/{fragment}")
        downloads = tmp_path / "downloads"
        downloads.mkdir(exist_ok=True)
        page = Page(browser, downloads)
        page.wait(lambda: browser.switch_to.active_element.get_attribute("id") == "text")  # keys would go nowhere
        return page

    yield visit
    browser.get("about:blank")
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()
    # Chromium logs what the content security policy has stopped, and every exception.
    faults = [
        line["message"] for line in browser.get_log("browser") if "Failed to load resource" not in line["message"]
    ]
    assert faults == []


def test_a_text_is_answered_with_label_bar_model_and_the_push_of_each_word(visit):
    page = visit()
    page.press("a good day", Keys.ENTER)
    assert page.wait_for("label").lower() == "positive"
    assert page["percent"].text == "P(positive) = 90.0 %"
    assert page["bar"].get_attribute("aria-label") == "90.0 % positive"
    assert page["bar"].find_element(By.TAG_NAME, "i").get_attribute("style") == "width: 90%;"
    assert "model fake-1" in page["about"].text
    assert page.wait_for("words", "day") == "a good+80 day"
    assert page["words"].find_element(By.CLASS_NAME, "positive").text == "good+80"
    assert page["effects"].get_attribute("textContent") == "good+80a0day0"


def test_words_are_marked_where_they_stand_beside_signs_of_two_code_units(visit):
    assert visit("#😀 a  good👍🏽 day").wait_for("words", "day") == "😀 a  good👍🏽+80 day"


def test_all_of_it_can_be_reached_by_keyboard(visit, browser):
    page = visit()
    page.press("good", Keys.ENTER)
    page.wait_for("words", "good")
    reached = []
    while browser.switch_to.active_element.tag_name != "body" and len(reached) < 20:
        reached.append(browser.switch_to.active_element.get_attribute("id") or browser.switch_to.active_element.text)
        outline = browser.switch_to.active_element.value_of_css_property("outline-style")
        assert outline == "solid", reached
        page.press(Keys.TAB)
    assert reached[:3] == ["text", "send", "open"]
    assert reached[-2:] == ["As a table", "How to call it from a program"]


def test_shift_and_enter_start_a_new_line_and_many_lines_go_in_as_many_requests_as_needed(visit, predictor):
    page = visit()
    page["text"].send_keys(
        "good", Keys.SHIFT + Keys.ENTER + Keys.NULL, "bad", Keys.SHIFT + Keys.ENTER + Keys.NULL, "=good"
    )
    page.press(Keys.ENTER)
    assert page.wait_for("said", "3 texts") == "3 texts: 2 positive, 1 negative"
    assert predictor.calls == [["good", "bad"], ["=good"]]
    assert page.predictions() == [
        ("good", "positive", "0.900"),
        ("bad", "negative", "0.100"),
        ("=good", "positive", "0.900"),
    ]
    lines = "text,label,probability\r\ngood,positive,0.9\r\nbad,negative,0.1\r\n'=good,positive,0.9\r\n"
    assert page.downloaded("predictions.csv").decode() == lines  # a formula is none any more


def test_a_csv_comes_back_with_all_its_columns_as_they_were_and_two_more(visit):
    rows = [
        ["id", "Text", "label", "note; more"],
        ["1", 'a "good"\nday; yes', "4", "=1+1"],
        ["2", "", "0", " spaces "],
        ["3", "bad", "", "é 😀"],
    ]
    file = io.StringIO()
    csv.writer(file, delimiter=";").writerows(rows)
    page = visit()
    page.open("reviews.csv", ("\ufeff" + file.getvalue()).encode())
    assert page.wait_for("said", "3 texts") == "3 texts: 1 positive, 2 negative"
    content = page.downloaded("reviews-predictions.csv").decode()
    assert content.startswith("\ufeff")
    added = [["predicted_label", "probability"], ["positive", "0.9"], ["negative", "0.1"], ["negative", "0.1"]]
    back = list(csv.reader(io.StringIO(content[1:], newline=""), delimiter=";"))
    assert back == [row + more for row, more in zip(rows, added, strict=True)]


def test_a_dropped_file_without_an_obvious_column_waits_for_a_choice(visit, browser, predictor):
    page = visit()
    content = "0,good one,a longer text that is no tweet\n4,bad one,ragged,1\n"
    browser.execute_script(
        """const data = new DataTransfer();
        data.items.add(new File([arguments[0]], "x.csv"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));""",
        content,
    )
    assert page.wait_for("opened") == "x.csv: 2 rows"
    assert page["sample"].text == "It begins with: a longer text that is no tweet"
    assert not page["named"].is_selected()
    assert predictor.calls == []
    page.press(Keys.ARROW_UP)
    assert Select(page["column"]).first_selected_option.text == "Column 2"
    assert page["sample"].text == "It begins with: good one"
    page.press(Keys.TAB, Keys.TAB, Keys.ENTER)
    page.wait_for("said", "2 texts")
    assert predictor.calls == [["good one", "bad one"]]
    written = "0,good one,a longer text that is no tweet,,positive,0.9\r\n4,bad one,ragged,1,negative,0.1\r\n"
    assert page.downloaded("x-predictions.csv").decode() == written


def test_files_of_windows_are_read_and_text_files_hold_a_text_a_line(visit, predictor):
    page = visit()
    page.open("x.csv", "text\r\ncafé good\r\n".encode("cp1252"))
    page.wait_for("said", "1 text")
    page.open("x.txt", b'"good", said he\n\nbad\n')
    page.wait_for("said", "2 texts")
    assert predictor.calls == [["café good"], ['"good", said he', "bad"]]
    page.open("wide.txt", "good one\r\nbad\r\n".encode("utf-16"))
    page.wait_for("said", "2 texts")
    assert predictor.calls[2:] == [["good one", "bad"]]
    page.open("x.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert page.wait_for("problem") == "x.png cannot be read. It is no text file."
    page.open("x.csv", b'id,text\n1,"good\n2,bad\n')
    assert page.wait_for("problem", "quote") == "x.csv cannot be read. The quote in line 2 is never closed."
    page.open("empty.csv", b"\n")
    assert page.wait_for("problem", "empty") == "empty.csv holds no text."


def test_a_csv_of_one_column_keeps_its_empty_texts_and_names_no_column_twice(visit, predictor):
    page = visit(max_texts=5)
    page.open("one.csv", b'\ntext\ngood\n\n""\nbad\n\n\n')
    page.wait_for("said", "4 texts")
    assert predictor.calls == [["good", "", "", "bad"]]
    assert len(page.downloaded("one-predictions.csv").splitlines()) == 5
    page.open("two.csv", b"text,label,predicted_label\ngood,4,x\n")
    page.wait_for("said", "1 text")
    header = page.downloaded("two-predictions.csv").splitlines()[0]
    assert header == b"text,label,predicted_label,predicted_predicted_label,probability"


@pytest.mark.parametrize("name", ["single", "many"])
def test_an_answer_is_seen_on_a_phone_without_scrolling(visit, browser, name):
    page = visit(width=320, height=568)
    if name == "single":
        page.press("good", Keys.ENTER)
        page.wait_for("words")
    else:
        page.open("x.csv", b"text\ngood\nbad\n")
        page.wait_for("said", "2 texts")
    answer = page["label" if name == "single" else "summary"]
    where = browser.execute_script("return arguments[0].getBoundingClientRect()", answer)
    assert 0 <= where["top"] < where["bottom"] < 568


def test_what_was_scored_before_an_error_is_kept_and_the_rest_can_follow(visit, predictor, monkeypatch):
    page = visit()
    working = predictor.score
    monkeypatch.setattr(predictor, "score", lambda texts: 1 / 0 if "c" in texts else working(texts))
    page.open("x.csv", b"text\na\nb\nc\nd\n" + b"x" * 51 + b"\n")
    assert "The service failed" in page.wait_for("problem")
    page.wait_for("summary", "2 of 5 texts: 0 positive, 2 negative; 1 left out, with more than 50 characters")
    expected = "text,label,probability\r\na,negative,0.1\r\nb,negative,0.1\r\nc,,\r\nd,,\r\n" + "x" * 51 + ",,\r\n"
    assert page.downloaded("x-predictions.csv").decode() == expected
    monkeypatch.setattr(predictor, "score", working)
    page["turn"].click()
    page.wait_for("summary", "4 of 5 texts")
    assert not page["problem"].is_displayed()
    assert predictor.calls == [["a", "b"], ["c", "d"]]


def test_scoring_can_be_stopped_and_shows_how_far_it_is(visit, predictor, monkeypatch):
    page = visit()
    gate, working = threading.Event(), predictor.score
    monkeypatch.setattr(predictor, "score", lambda texts: (gate.wait(20) if "c" in texts else True) and working(texts))
    page.open("x.csv", b"text\na\nb\nc\n")
    page.wait_for("summary", "2 of 3 texts")
    assert (page["progress"].get_attribute("value"), page["progress"].get_attribute("max")) == ("2", "3")
    page["turn"].click()
    page.wait(lambda: page["turn"].text == "Go on")
    gate.set()
    page["turn"].click()
    page.wait_for("said", "3 texts")


def refuse_once(monkeypatch, seconds):
    """The next texts find the service busy for so long."""
    refusals, working = [seconds], Batcher.score

    def score(batcher, texts, **deadline):
        if refusals:
            raise Problem("overloaded", "Too many.", headers={"Retry-After": str(refusals.pop())})
        return working(batcher, texts, **deadline)

    monkeypatch.setattr(Batcher, "score", score)
    return refusals


def test_a_busy_service_is_asked_again_when_it_says_so(visit, monkeypatch):
    page, refusals = visit(), refuse_once(monkeypatch, 1)
    page.open("x.csv", b"text\ngood\n")
    page.wait_for("said", "1 text: 1 positive")
    assert refusals == []


def test_waiting_for_a_busy_service_can_be_stopped(visit, monkeypatch):
    page, refusals = visit(), refuse_once(monkeypatch, 60)
    page.open("x.csv", b"text\ngood\n")
    page.wait(lambda: refusals == [])
    page.wait_for("turn", "Stop")
    page["turn"].click()
    page.wait_for("turn", "Go on")
    page["turn"].click()
    page.wait_for("said", "1 text: 1 positive")


def test_a_refusal_is_shown_in_words(visit):
    assert "String should have at most 50 characters" in visit("#" + "x" * 51).wait_for("problem")


def test_a_key_of_any_letters_is_sent_as_the_service_compares_it(visit):
    page = visit("#good", api_key="schlüssel 鍵")
    assert "An API key is needed" in page.wait_for("problem")
    page["key"].send_keys("schlüssel 鍵", Keys.ENTER)
    assert page.wait_for("words", "good")


def test_texts_and_files_are_never_read_as_html(visit, browser):
    attack = "<img src=x onerror=alert(1)>good"
    page = visit(max_characters=500)
    page.press(f"{attack} <script>alert(1)</script>", Keys.ENTER)
    assert attack in page.wait_for("words")
    page.open("x.csv", f'"{attack}","text"\n"{attack}","{attack}"\n'.encode())
    page.wait_for("said", "1 text")
    assert page.predictions() == [(attack, "positive", "0.900")]
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert len(browser.find_elements(By.TAG_NAME, "script")) == 1


@pytest.mark.parametrize(("width", "scheme"), [(1000, "light"), (1000, "dark"), (320, "light"), (320, "dark")])
def test_everything_can_be_read_in_light_and_dark_and_on_a_phone(visit, browser, width, scheme):
    page = visit("#bad good " + "very" * 8, width=width, scheme=scheme, motion="reduce")
    page.wait_for("words")
    page["explanation"].find_element(By.TAG_NAME, "summary").click()
    shown = [accessibility(browser)]
    assert browser.execute_script(CONTRAST) >= 4.5
    page["text"].send_keys("x" * 51, Keys.ENTER)
    page.wait_for("problem")
    shown.append(accessibility(browser))
    page.open("x.csv", f"id,comment here\n1,good\n2,{'bad' * 16}\n".encode())
    page.wait_for("opened")
    page["columns"].submit()
    page.wait_for("said")
    shown.append(accessibility(browser))
    browser.get(browser.current_url.split("#")[0] + "docs")
    shown.append(accessibility(browser))
    assert shown == [([], [], 0)] * 4


def accessibility(browser):
    """What axe-core finds against WCAG 2.1 AA, what it cannot judge of contrast, and the overflow sideways in px."""
    found = Axe().run(browser, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    wrong = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
    open_questions = [
        node["html"] for each in found["incomplete"] if each["id"] == "color-contrast" for node in each["nodes"]
    ]
    script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return wrong, open_questions, browser.execute_script(script)
