"""Component libraries' own examples, on stock Dash and on ours: the same acts give the same texts.

A folder has their checkouts; what is not there is left out. Nobody knows what an example shows, so both run at once, a
page of each gets the same acts, and what the pages show is compared after each one. Where they differ, stock Dash is
compared with itself: an example that shows the time, or random numbers, differs there too.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.async_api import Browser, Error, Locator, Page, Route

from tests.others.ancestor import free_port
from tests.support.browser import Tabs, launched_chromium
from tests.support.eventually import eventually

PROGRAM = Path(__file__).parent / "inside/as_component.py"
STARTS_WITHIN, ACTS_WITHIN, ENDS_WITHIN = 120, 10, 10
QUIET_SECONDS, SETTLES_WITHIN, LOOK_SECONDS = 1.0, 20.0, 0.1
ALIKE_WITHIN = 30.0  # on a busy machine one page draws that much later than the other
COLUMNS = ("quart", "ours")

# Where each library keeps its examples, in its checkout, kind by kind; and what marks one that needs more than is here.
EXAMPLES = {
    "dash-ag-grid": ("docs/examples/**/*.py",),
    "dash-bootstrap-components": ("examples/**/*.py", "docs/components_page/components/**/*.py"),
    "dash-daq": ("demo.py",),
    "dmc-docs": ("docs/**/*.py",),
    "dash-extensions-docs": ("*/**/*.py",),
}
NEEDS_MORE = re.compile(
    r"https?://[^\s\"']+\.(csv|json)|requests\.get|LICENSE_KEY|enableEnterpriseModules|redis|websocket|^from \.",
    re.MULTILINE,
)
ACTS = re.compile(r"callback|Dash\(|DashProxy\(")

# On a busy machine nothing changes for a while though callbacks run; graphs are drawn when all else is there.
UNFINISHED = """() => window.dash_stores[0].getState().isLoading
    || document.querySelector('.dash-graph:not(:has(.main-svg))') !== null"""
SHOWN = """() => {
    const root = document.querySelector('#react-entry-point');
    const lines = root.innerText.split('\\n').map(line => line.trim()).filter(Boolean).sort();
    const fields = [...root.querySelectorAll('input, textarea')].map(each =>
        ['checkbox', 'radio'].includes(each.type) ? `${each.checked}` : each.value);
    return [...lines, '--', ...fields];
}"""


@dataclass
class Outcome:
    """What came of one example: how many acts, and where ours differs from stock Dash."""

    acts: int = 0
    difference: str = ""
    skipped: str = ""


def examples(source: Path, most: int) -> dict[str, list[Path]]:
    """The examples that can run here, at most so many of each kind of a library, spread over all it has."""
    found: dict[str, list[Path]] = {}
    for library, patterns in EXAMPLES.items():
        found[library] = []
        for pattern in patterns if (source / library).is_dir() else ():
            texts = {path: path.read_text(errors="replace") for path in sorted((source / library).glob(pattern))}
            usable = [path for path, text in texts.items() if ACTS.search(text) and not NEEDS_MORE.search(text)]
            step = max(1, len(usable) // most)
            found[library] += usable[::step][:most]
    return found


@asynccontextmanager
async def served(program: Path, column: str, kept: Path) -> AsyncIterator[str]:
    """The URL of an example in one column; a `RuntimeError` says why it did not start."""
    url = f"http://127.0.0.1:{(port := free_port())}/"
    log = kept / f"{column}-{time.monotonic_ns()}.log"
    paths = os.pathsep.join(filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH", ""))))
    with log.open("wb") as printed:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAM), str(program), str(port), column),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            cwd=program.parent,
            env={**os.environ, "PYTHONPATH": paths},
        )

    async def answers() -> bool:
        if process.returncode is not None:
            raise RuntimeError((log.read_text().strip().splitlines() or ["it ended"])[-1])
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(url)).status_code == 200
            except httpx.TransportError:
                return False

    try:
        await eventually(answers, STARTS_WITHIN)
        yield url
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _stay_here(route: Route) -> None:
    """Pages get nothing from elsewhere, so that runs are alike."""
    if route.request.url.startswith(("http://127.0.0.1", "data:", "blob:")):
        await route.continue_()
    else:
        await route.fulfill(status=204)


async def shown(page: Page) -> list[str]:
    """What a page shows, once that stays the same for a while."""
    deadline, before, since = time.monotonic() + SETTLES_WITHIN, None, time.monotonic()
    while True:
        now: list[str] = await page.evaluate(SHOWN)
        if now != before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since > QUIET_SECONDS and not await page.evaluate(UNFINISHED):
            return now
        if time.monotonic() > deadline:
            return now
        await asyncio.sleep(LOOK_SECONDS)


def acts(page: Page) -> list[tuple[str, Locator, str]]:
    """What anybody may try on a page: its buttons, fields, boxes, dropdowns and cells."""
    root = page.locator("#react-entry-point")
    buttons = root.locator("button:visible:not(.dash-dropdown):not([role=combobox]), .nav-link:visible")
    texts = root.locator(
        "input[type=text]:visible:not([readonly]):not([role=combobox]):not([aria-haspopup]), textarea:visible"
    )
    return [
        *((f"text {n}", texts.nth(n), "abc") for n in range(2)),
        *((f"number {n}", root.locator("input[type=number]:visible").nth(n), "7") for n in range(2)),
        *((f"box {n}", root.locator("input[type=checkbox], input[type=radio]").nth(n), "") for n in range(3)),
        *((f"choice {n}", root.locator(".dash-dropdown:visible").nth(n), "choose") for n in range(2)),
        *((f"cell {n}", root.locator(".ag-center-cols-container .ag-cell:visible").nth(n), "edit") for n in (0, 2)),
        ("header", root.locator(".ag-header-cell-text:visible").first, ""),
        *((f"button {n}", buttons.nth(n), "") for n in range(4)),
    ]


async def act(page: Page, target: Locator, how: str) -> str:
    """Do one act; what hindered it, if anything."""
    try:
        if how == "choose":
            await target.click(timeout=ACTS_WITHIN * 1000)
            await page.locator(".dash-dropdown-option").nth(1).click(timeout=ACTS_WITHIN * 1000)
            await page.keyboard.press("Escape")
        elif how == "edit":
            await target.dblclick(timeout=ACTS_WITHIN * 1000)
            await page.keyboard.type("9")
            await page.keyboard.press("Enter")
        elif how:
            await target.fill(how, timeout=ACTS_WITHIN * 1000)
            await target.press("Enter")
        else:
            await target.click(timeout=ACTS_WITHIN * 1000, force=True)
    except Error as error:
        return error.message.splitlines()[0]
    return ""


async def compare(program: Path, columns: tuple[str, str], chromium: Browser, kept: Path) -> Outcome:
    """The same acts in a page of each column, until they differ."""
    outcome = Outcome()
    async with AsyncExitStack() as stack:
        urls = []
        for column in columns:
            try:
                urls.append(await stack.enter_async_context(served(program, column, kept)))
            except RuntimeError as error:
                if urls:
                    return Outcome(0, f"does not start: {error}")
                return Outcome(skipped=f"stock Dash does not start it: {error}")
        both = [Tabs(chromium), Tabs(chromium)]
        for tabs in both:
            stack.push_async_callback(tabs.close)
        pages = []
        for tabs, url in zip(both, urls, strict=True):
            context = await tabs.context()
            context.set_default_timeout(STARTS_WITHIN * 1000)
            await context.route("**/*", _stay_here)
            pages.append(await tabs.open(url, context=context))
            await pages[-1].locator("#react-entry-point > :not(._dash-loading)").first.wait_for(state="attached")
        tried = [("loading", None, ""), *acts(pages[0])]
        others = [None, *(target for _, target, _ in acts(pages[1]))]
        for (name, target, how), other in zip(tried, others, strict=True):
            if target is not None and other is not None:
                if not await target.count():
                    continue
                hindered = await asyncio.gather(act(pages[0], target, how), act(pages[1], other, how))
                outcome.acts += 1
                if hindered[1] and not hindered[0]:
                    outcome.difference = f"{name}: {hindered[1]}"
                    break
            deadline = time.monotonic() + ALIKE_WITHIN
            stock, ours = await asyncio.gather(*(shown(page) for page in pages))
            while stock != ours and time.monotonic() < deadline:
                stock, ours = await asyncio.gather(*(shown(page) for page in pages))
            errors = [[_plain(error) for error in tabs.errors] for tabs in both]
            if stock != ours:
                outcome.difference = f"{name}: {_difference(stock, ours)}"
                break
            if more := [error for error in errors[1] if error not in errors[0]]:
                outcome.difference = f"{name}: {more[0]}"
                break
    return outcome


def _plain(error: str) -> str:
    """An error without what differs between two servers."""
    # Servers give a status other words, or none: "404 (Not Found)".
    return re.sub(r"127\.0\.0\.1:\d+|\(http\S*\)|\d{4,}|(?<=status of \d{3}) \([^)]*\)", "", error)


def _difference(stock: list[str], ours: list[str]) -> str:
    only = [line for line in stock if line not in ours][:3], [line for line in ours if line not in stock][:3]
    return f"only stock shows {only[0]}, only ours {only[1]}"


async def drive_examples(source: Path, most: int) -> int:
    """Compare the examples of all libraries; print the table, and return how many differ."""
    kept = Path(tempfile.mkdtemp(prefix="others-components-"))
    print(f"components: logs in {kept}", flush=True)
    failed = 0
    async with launched_chromium() as chromium:
        for library, programs in examples(source, most).items():
            same, skipped, done = 0, 0, 0
            for program in programs:
                name = program.relative_to(source / library)
                try:
                    outcome = await compare(program, COLUMNS, chromium, kept)
                    if outcome.difference:
                        itself = await compare(program, ("quart", "quart"), chromium, kept)
                        if itself.difference or itself.skipped:
                            outcome.skipped = f"stock Dash differs from itself: {itself.difference or itself.skipped}"
                except (AssertionError, Error) as error:
                    outcome = Outcome(difference=" ".join(str(error).split())[:300])
                done += outcome.acts
                if outcome.skipped:
                    skipped += 1
                    print(f"  {library}/{name} left out: {outcome.skipped[:300]}", flush=True)
                elif outcome.difference:
                    failed += 1
                    print(f"  {library}/{name} DIFFERS: {outcome.difference[:400]}", flush=True)
                else:
                    same += 1
            print(f"components  {library:26} {same} of {len(programs) - skipped} same, {done} acts", flush=True)
    return failed


def drive(source: Path, most: int = 8) -> int:
    """Compare the examples in a folder of checkouts; 1 if one differs."""
    if not any((source / library).is_dir() for library in EXAMPLES):
        sys.exit(f"COMPONENTS_SOURCE={str(source)!r} has no checkout of {', '.join(EXAMPLES)}")
    return int(bool(asyncio.run(drive_examples(source, most))))
