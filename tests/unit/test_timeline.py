"""The timeline: what is drawn of a run, and that nothing in a text becomes markup."""

from __future__ import annotations

import os
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from bootstrap.events import Event, Kind
from bootstrap.spans import Doing, PhaseSpan, Span, timeline
from bootstrap.timeline import page, svg
from tests.unit.console_samples import event

GOLDEN = Path(__file__).parents[1] / "golden" / "timeline.svg"
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script>\x1b[2J\x00\ud800&amp;\" onload=\"x"


def run(names: tuple[str, ...] = ("cp1", "cp2", "cp3"), *, failing: bool = False) -> list[Event]:
    """Hosts looked at, certificates written, etcd waited for; cp2 is late, or fails."""
    hosts, late = list(names), names[1]
    waited = "kubelet, etcd healthy"
    last = event(Kind.FAILED, 20.0, late, "etcd did not come true", "wait") if failing else event(
        Kind.READY, 20.0, late, waited, "wait")  # fmt: skip
    return [
        event(Kind.PHASE_STARTED, 0.0, phase="connect", message="Connecting to the hosts", hosts=hosts),
        event(Kind.PHASE_DONE, 0.8, phase="connect"),
        event(Kind.PHASE_STARTED, 0.8, message="Certificates and keys", hosts=hosts, spread="together"),
        *(event(Kind.CHANGED, 1.0 + n / 10, name, f"wrote /etc/kubernetes/pki/{n}") for name in names for n in range(9)),
        event(Kind.PHASE_DONE, 2.0),
        event(Kind.PHASE_STARTED, 2.0, phase="wait", message="Components healthy", hosts=hosts),
        *(event(Kind.WAITING, 2.1, name, waited, "wait") for name in names),
        *(event(Kind.WAITING, 2.4, name, waited, "wait", answer="connection refused") for name in names),
        *(event(Kind.READY, 9.0, name, waited, "wait") for name in names if name != late),
        last,
        *(() if failing else (event(Kind.PHASE_DONE, 20.0, phase="wait"),)),
    ]


def test_what_a_host_did_when() -> None:
    made = timeline(run())
    assert made.total == 20.0
    assert made.hosts["cp2"] == [
        Span(Doing.READ, "connect", 0.0, 0.8, "Connecting to the hosts"),
        Span(Doing.WRITE, "certs", 0.8, 1.8, "wrote /etc/kubernetes/pki/0 and 8 more"),
        Span(Doing.WAIT, "wait", 2.1, 20.0, "kubelet, etcd healthy"),
    ]
    assert made.hosts["cp1"][-1].end == 9.0
    assert made.phases[-1] == PhaseSpan("wait", "Components healthy", 2.0, 20.0)


def test_a_failure_says_the_last_answer_and_the_phase_stays_open() -> None:
    made = timeline(run(failing=True))
    assert made.hosts["cp2"][-2:] == [
        Span(Doing.WAIT, "wait", 2.1, 20.0, "kubelet, etcd healthy; last answer: connection refused"),
        Span(Doing.FAIL, "wait", 20.0, 20.0, "etcd did not come true"),
    ]
    assert made.phases[-1].ended is False


def test_a_run_that_was_cut_ends_with_its_last_event() -> None:
    made = timeline(run()[:-4])
    assert [spans[-1].end for spans in made.hosts.values()] == [2.4, 2.4, 2.4]


def test_hosts_that_take_turns_do_not_begin_before_their_turn() -> None:
    made = timeline([
        event(Kind.PHASE_STARTED, 1.0, hosts=["cp1", "cp2"], spread="one by one"),
        event(Kind.CHANGED, 4.0, "cp2", "removed etcd member cp2"),
        event(Kind.CHANGED, 6.0, "cp1", "removed etcd member cp1"),
        event(Kind.PHASE_DONE, 6.0),
    ])  # fmt: skip
    assert {name: (span.start, span.end) for name, (span,) in made.hosts.items()} == {"cp2": (1.0, 4.0), "cp1": (4.0, 6.0)}


def texts(root: Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_the_picture_of_a_run() -> None:
    found = svg(run(), "bootstrap init demo")
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8")
    root = fromstring(found)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "title desc"
    assert root.findtext(f"{SVG}title") == "bootstrap init demo: 3 hosts, 20.0 s"
    assert root.findtext(f"{SVG}desc") == "Phases: connect 0.0 s to 0.8 s; certs 0.8 s to 2.0 s; wait 2.0 s to 20.0 s."
    assert {"cp1", "cp2", "cp3", "0 s", "20 s", "kubelet, etcd healthy"} <= {*texts(root)}
    assert "prefers-color-scheme:dark" in found


def positions(root: Element) -> dict[str, float]:
    """Where on the axis each text begins; the last of that wording."""
    return {element.text or "": float(element.attrib["x"]) for element in root.iter(f"{SVG}text")}


def test_a_failure_at_the_end_is_said_in_full_and_the_phase_that_was_cut_is_marked() -> None:
    root = fromstring(svg(run(failing=True), "x"))
    found = positions(root)
    assert found["etcd did not come true"] == 789.9      # the cross is at 876: begins further left, ends at the edge
    assert found["18.0 s, cut"] == 882
    assert "kubelet, etcd healthy; last answer: connection refused" in found


def test_a_label_may_go_on_below_what_comes_after_its_bar_but_not_into_the_next_label() -> None:
    wait = "kubelet, etcd, kube-apiserver healthy"

    def drawn(next_wait: float) -> list[str]:
        root = fromstring(svg([
            event(Kind.PHASE_STARTED, 0.0, phase="wait", hosts=["cp1"]),
            event(Kind.WAITING, 0.0, "cp1", wait, "wait"),
            event(Kind.READY, 2.0, "cp1", wait, "wait"),
            event(Kind.WAITING, next_wait, "cp1", "all 12 mirror pods", "wait"),
            event(Kind.READY, 10.0, "cp1", "all 12 mirror pods", "wait"),
            event(Kind.PHASE_DONE, 10.0, phase="wait"),
        ], "x"))  # fmt: skip
        return [text for text in texts(root) if text.startswith(("kubelet", "all"))]

    assert drawn(next_wait=4.0) == ["all 12 mirror pods", wait]
    assert drawn(next_wait=2.0) == ["all 12 mirror pods", "kubelet, etcd, kube-ap\u2026"]


@pytest.mark.parametrize(("end", "said"), [(0.02, "20 ms"), (0.0951, "0.1 s"), (99.9, "99.9 s"), (400.0, "400 s")])
def test_a_phase_says_how_long_it_took(end: float, said: str) -> None:
    events = [event(Kind.PHASE_STARTED, 0.0, phase="wait", hosts=["cp1"]), event(Kind.PHASE_DONE, end, phase="wait")]
    assert said in texts(fromstring(svg(events, "x")))


def test_the_legend_names_what_is_in_the_picture() -> None:
    assert [text for text in texts(fromstring(svg(run(), "x"))) if text in set(Doing)] == ["looks", "writes", "waits"]
    assert "fails" in texts(fromstring(svg(run(failing=True), "x")))


def test_waits_and_writes_differ_in_more_than_colour() -> None:
    root = fromstring(svg(run(failing=True), "x"))
    kinds = [element.attrib.get("class") for group in root.iter(f"{SVG}g") for element in group]
    assert kinds.count("a") == 3                # hatched
    assert kinds.count("w") == 3                # solid
    assert kinds.count("r") == 3                # an outline
    assert [e.tag for e in root.iter() if e.attrib.get("class") == "f"] == [f"{SVG}path"] * 2   # a cross, and in the legend
    assert root.findtext(f"{SVG}title") == "x: 3 hosts, 20.0 s, failed on cp2"


@pytest.mark.parametrize("draw", [svg, page])
def test_no_text_becomes_markup(draw: object) -> None:
    names = (HOSTILE, "\u202ecp2", "cp3")
    events = [Event(e.kind, e.at, HOSTILE, e.host, HOSTILE, e.detail) for e in run(names, failing=True)]
    assert callable(draw)
    found = str(draw(events, HOSTILE))
    assert "<script" not in found.lower()
    assert "onload=" not in found.replace('onload="x', "").lower()
    assert "\x1b" not in found
    assert "\u202e" not in found
    found.encode("utf-8")
    if draw is svg:
        assert {e.tag.removeprefix(SVG) for e in fromstring(found).iter()} == {
            "svg", "title", "desc", "style", "defs", "pattern", "path", "rect", "text", "g",
        }  # fmt: skip


class Tags(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(name for name, _ in attrs)}


def test_the_page_needs_no_script_and_nothing_from_elsewhere() -> None:
    found = page(run(), "bootstrap init demo")
    tags = Tags()
    tags.feed(found)
    assert {"svg", "table", "h1"} <= tags.seen
    assert not {"script", "link", "img", "iframe", "href", "src", "xlink:href", "onload"} & tags.seen
    assert "url(" not in found.replace("url(#hatch)", "")
    assert "http" not in found.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("events", [[], [event(Kind.NOTE, 1.0, message="x")], run(tuple(f"n{n}" for n in range(50))),
                                    run(("a" * 63, "b" * 253, "c"), failing=True)], ids=len)  # fmt: skip
def test_any_run_can_be_drawn(events: list[Event]) -> None:
    root = fromstring(svg(events, "bootstrap init demo"))
    height = float(root.attrib["height"])
    assert all(0 <= float(e.attrib["y"]) <= height for e in root.iter(f"{SVG}text"))
    assert all(float(e.attrib["x"]) + 6.7 * len(e.text or "") <= 960 for e in root.iter(f"{SVG}text"))
    assert all(float(e.attrib["width"]) >= 1 for e in root.iter(f"{SVG}rect") if e.attrib["width"] != "100%")
