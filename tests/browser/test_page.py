"""The HTML report in a real browser: nothing cut or overlapping at three widths, and an accessibility checker."""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.fleet.gather import Gathering
from pytest_pgsafe.fleet.values import Absence, Difference, Drift, Group, Member
from pytest_pgsafe.migrate.values import Lock, Statement, Trace
from pytest_pgsafe.reading.values import Cited
from pytest_pgsafe.records import seal
from pytest_pgsafe.records.chain import Chain
from pytest_pgsafe.records.values import Entry
from pytest_pgsafe.rehearsal.measured import Measured, TableFacts
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step
from pytest_pgsafe.report import evidence, html
from pytest_pgsafe.report.fleet import html as fleet_html
from pytest_pgsafe.runbook.evidence import show
from pytest_pgsafe.snapshot.values import NotVerified, RowSample

WIDTHS = (390, 768, 1280)
LONG = "a_table_whose_name_is_as_long_as_postgresql_lets_a_name_be_63_ch"
UPDATE = Cited(text=f"update {LONG} set total = round(total), note = 'x'", file="2026/phase4.sql", line=12)
ROWS = tuple(
    RowSample(key={"id": str(n)}, before={"total": "8.75", "note": None}, after={"total": "9.00", "note": "x" * 300})
    for n in range(5)
)
FINDING = Finding(
    code="PGS201",
    check="values",
    severity=Severity.ERROR,
    object=f"public.{LONG}.total",
    message=f"public.{LONG}.total has another value in 2,000 rows that were there before",
    after=2000,
    samples=ROWS,
    remedy="Narrow the UPDATE.",
    statement=UPDATE,
    declared=True,
)
FAILED = Result(
    steps=(
        Step(name="restore", seconds=12.5, outcome=Outcome.PASSED),
        Step(name="rollback", seconds=0.0, outcome=Outcome.SKIPPED, reason="no way back is configured " * 8),
    ),
    source={"server_version": "15.18", "from": "/very/long/" * 20},
    server={"kind": "local"},
    measured=Measured(
        tables=tuple(
            TableFacts(table=f"public.{LONG}_{n}", rows=(n * 1000, n * 1000), bytes=(0, 0), touched=False)
            for n in range(27)
        )
    ),
    changes=(
        Change(kind="rows", action=Action.CHANGED, object=f"public.{LONG}", attribute="rows", before=5000, after=4900),
        Change(kind="values", action=Action.CHANGED, object=f"public.{LONG}.total", after=2000),
    ),
    findings=(
        FINDING,
        replace(FINDING, object="public.other", statement=None, declared=None),
        replace(FINDING, code="PGS601", severity=Severity.WARNING, object="public.b", samples=()),
        *(
            replace(FINDING, code="PGS203", severity=Severity.NOTE, object=f"public.t.c{n}", reason="phase 4")
            for n in range(25)
        ),
    ),
    relations=15,
    rows=1_234_567,
    not_verified=(NotVerified(object="public.remote", reason="a foreign table"),),
    trace=Trace(
        seconds=2.0,
        sessions=1,
        statements=(
            Statement(text="begin", duration=0.1),
            Statement(text=UPDATE.text, duration=1500.0),
            Statement(text="create index on sales (id)", duration=400.0),
        ),
        locks=(Lock(relation=f"public.{LONG}", mode="AccessExclusiveLock", statement=UPDATE.text, held=1900.0),),
        wal=1 << 20,
        observed=True,
    ),
)
PASSED = replace(FAILED, findings=tuple(one for one in FAILED.findings if one.severity is Severity.NOTE))
STOPPED = replace(
    FAILED,
    findings=(),
    steps=(Step(name="migrate", seconds=1.0, outcome=Outcome.FAILED, reason="m.sql:2: no\n" + "x" * 500),),
)
ENTRIES = tuple(
    seal.sealed(
        Entry(
            kind=kind,
            time=f"2026-01-0{day}T00:00:00Z",
            result="passed" if day < 6 else "failed",
            pgsafe="1",
            facts={
                "place": f"/backups/{LONG}/2026010{day}T000000Z", "environment": "staging", "database": LONG,
                "taken": f"2026-01-0{day}T00:00:00Z", "manifest": "a" * 64, "proven": True,
                "restore_seconds": 10.0 * day,
            },
        ),
        None,
    )
    for day in range(1, 8)
    for kind in ("backup", "verification")
)  # fmt: skip
EVIDENCE = evidence.render(
    show(
        Chain(entries=ENTRIES, faults=("line 3: it does not follow " + "x" * 200,), notes=("a note",)),
        Path("/no/such/folder"),
        begin=None,
        end=datetime(2026, 1, 8, tzinfo=timezone.utc),
    ),
    root="/backups/" + LONG, begin="the first entry", end="2026-01-08", made="2026-01-08 12:00 UTC",
)  # fmt: skip


def fleet_page() -> str:
    """Return the page of a fleet whose members have long names and differ in many ways."""
    gathering = Gathering()
    names = [f"{LONG}_{number}" for number in range(30)]
    for number, name in enumerate(names):
        member = Member(name=name, source=f"user@a.host.with.a.long.name:5432/{name}")
        if number == 29:
            gathering.absent(member, Absence.UNREACHABLE, "connection refused " * 20)
        else:
            gathering.add(member, FAILED if number < 12 else STOPPED if number < 14 else PASSED, "a")
    told = Difference(kind="index", object=f"public.{LONG}", text=f"index public.{LONG} is missing")
    drift = Drift(
        majority=tuple(names[2:29]),
        groups=(Group(fingerprint="b", members=tuple(names[:2]), differences=(told,), more=3),),
        unknown=(names[29],),
    )
    pages = {name: f"gate.members/{name}.html" for name in names[:29]}
    return fleet_html.render(gathering.result(drift, sample="10 largest, 20 at random (seed 7)"), pages)


FLEET = fleet_page()
MEMBER = html.render(FAILED, member=f"{LONG}_1", fleet="../gate.html")
#: Elements whose text is cut off, and those that lie over another of the same parent.
FAULTS = """
const faults = [];
const seen = (one) => one.getClientRects().length && getComputedStyle(one).clipPath === "none";
for (const one of document.querySelectorAll("body *")) {
  if (one.closest("svg, script, thead") || !seen(one)) continue;
  const name = one.tagName + " " + one.textContent.trim().slice(0, 40);
  const scrolls = one.closest(".scroll");
  const box = one.getBoundingClientRect();
  if (!scrolls && (box.right > innerWidth + 1 || box.left < -1)) faults.push("outside: " + name);
  const style = getComputedStyle(one);
  if (style.display !== "inline" && !one.matches(".scroll") && one.scrollWidth > one.clientWidth + 1 && one.clientWidth)
    faults.push("cut: " + name);
  const next = one.nextElementSibling;
  if (next && seen(next) && !next.closest("svg") && style.display !== "inline") {
    const other = next.getBoundingClientRect();
    const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left);
    const high = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
    if (wide > 1 && high > 1 && box.width && other.width) faults.push("overlap: " + name);
  }
}
if (document.documentElement.scrollWidth > innerWidth) faults.push("the page is wider than the window");
return faults;
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium as the distribution has it; without one the tests are skipped, in CI they fail."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or chromium is None:
        told = "no chromium and chromedriver: apt-get install chromium chromium-driver"
        if os.environ.get("PGSAFE_TEST_REQUIRE_BROWSER"):
            pytest.fail(told)
        pytest.skip(told)
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.add_argument(f"--user-data-dir={profile}")
        # What it logs is kept: a request that the page's policy refuses would stand there.
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        # An accessibility checker has much to do on a machine that is busy.
        found.set_script_timeout(300)
        try:
            yield found
        finally:
            found.quit()


def opened(browser: Any, page: Path, result: Result | str, *, width: int = 1280, scheme: str = "light") -> None:
    page.write_text(result if isinstance(result, str) else html.render(result), encoding="utf-8")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())


def unfold(browser: Any) -> None:
    browser.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")


@pytest.mark.parametrize("name", ["failed", "passed", "stopped", "evidence", "fleet", "member"])
def test_nothing_is_cut_or_lies_over_something(browser: Any, tmp_path: Path, name: str) -> None:
    result = {
        "failed": FAILED, "passed": PASSED, "stopped": STOPPED, "evidence": EVIDENCE, "fleet": FLEET, "member": MEMBER,
    }[name]  # fmt: skip
    for width in WIDTHS:
        opened(browser, tmp_path / "page.html", result, width=width)
        assert browser.execute_script(FAULTS) == [], width
        unfold(browser)
        assert browser.execute_script(FAULTS) == [], width
        # Kept where CI collects them, for eyes.
        folder = Path(os.environ.get("PGSAFE_TEST_SCREENSHOTS", str(tmp_path)))
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        (folder / f"{name}-{width}.png").write_bytes(base64.b64decode(shot["data"]))
    assert browser.get_log("browser") == []


def test_the_search_for_faults_finds_them(browser: Any, tmp_path: Path) -> None:
    opened(browser, tmp_path / "page.html", FAILED, width=390)
    browser.execute_script(
        "document.querySelector('h2').style.marginBottom = '-3rem';"
        "document.querySelector('h1').style.width = '3000px';"
        "document.querySelector('h3').style.cssText = 'white-space: nowrap; overflow: hidden'"
    )
    faults = browser.execute_script(FAULTS)
    assert {fault.partition(":")[0] for fault in faults} >= {"outside", "cut", "overlap"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_screen_reader_and_a_keyboard_get_everything(browser: Any, tmp_path: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_core_python")
    [script] = Path(axe.__file__).parent.rglob("axe.min.js")
    for result in (FAILED, STOPPED, EVIDENCE, FLEET):
        opened(browser, tmp_path / "page.html", result, width=390, scheme=scheme)
        unfold(browser)
        browser.execute_script(script.read_text(encoding="utf-8"))
        found = browser.execute_async_script(
            "const done = arguments[0]; axe.run(document).then(done, (error) => done({error: String(error)}))"
        )
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
        assert len(found["passes"]) > 20


def shown(browser: Any) -> list[str]:
    return browser.execute_script(
        "return [...document.querySelectorAll('article[data-level]')].filter((one) => !one.hidden)"
        ".map((one) => one.querySelector('h3').textContent.trim())"
    )


def test_search_filters_and_copy(browser: Any, tmp_path: Path) -> None:
    opened(browser, tmp_path / "page.html", FAILED)
    assert len(shown(browser)) == len(FAILED.findings)
    search = browser.find_element("id", "search")
    search.send_keys("public.b pgs601")
    [only] = shown(browser)
    assert "public.b" in only
    assert browser.find_element("id", "shown").text == f"1 of {len(FAILED.findings)} findings shown"
    search.clear()
    search.send_keys("phase4.sql:12 round")
    # By the statement above them, too.
    assert len(shown(browser)) >= 1
    search.clear()
    search.send_keys(" ")
    browser.find_element("css selector", "input[value=note]").click()
    assert len(shown(browser)) == 3
    browser.find_element("css selector", "article summary").click()
    browser.find_element("css selector", "button.copy").click()
    for _ in range(50):
        if browser.find_element("css selector", "button.copy").text == "Copied":
            break
        browser.implicitly_wait(0.1)
    assert browser.find_element("css selector", "button.copy").text == "Copied"
    # What is pasted is the finding, with what is wanted of who reads it.
    search.clear()
    browser.execute_script("document.getElementById('search').value = ''")
    from selenium.webdriver.common.keys import Keys

    search.send_keys(Keys.CONTROL, "v")
    assert "PGS201 error" in str(search.get_property("value"))
