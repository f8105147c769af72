"""A run as a picture: a lane per host, a bar per phase, one axis of seconds. Events in, SVG or HTML out; pure.

Kinds of bars differ in shape and pattern, not in colour alone: what is written is solid, what is waited for is hatched, what is
read is an outline, a failure is a cross. Every bar has its words as a title, the whole is told in the description, and the page
has it as a table. No script, no font, nothing from elsewhere. The tree is made of elements, so that no text can become markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from xml.etree.ElementTree import Element, SubElement, tostring

from bootstrap.console.printable import count, cut, shown
from bootstrap.events import Event
from bootstrap.spans import Doing, PhaseSpan, Span, Timeline, timeline

WIDTH, MARGIN, RIGHT = 960, 16, 84
LANE, ROW, BAR = 38, 18, 16
LETTER = 6.7
"""Width of a letter of the 11 px monospace font, a little more than it is anywhere."""
LONGEST_NAME = 36
SHORTEST_LABEL = 12
"""Letters of it that a bar must have room for, or it gets none. The rest may stand below what comes after the bar."""
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
STYLE = """
.b{fill:#fff}.t{fill:#1f2328;font:11px ui-monospace,monospace}
.t{stroke:#fff;stroke-width:5px;stroke-linejoin:round;paint-order:stroke}.h{font-weight:bold}.s{fill:#59636e}.m{text-anchor:middle}
.g{stroke:#d1d9e0}.w{fill:#0969da}.a{fill:url(#hatch);stroke:#9a6700}.l{stroke:#9a6700;stroke-width:2}
.r{fill:none;stroke:#59636e}.p{fill:#59636e}.f{stroke:#d1242f;stroke-width:3}
@media (prefers-color-scheme:dark){
.b{fill:#0d1117}.t{fill:#f0f6fc;stroke:#0d1117}.s{fill:#9198a1}.g{stroke:#3d444d}.w{fill:#4493f8}.a{stroke:#d29922}.l{stroke:#d29922}
.r{stroke:#9198a1}.p{fill:#9198a1}.f{stroke:#f85149}}
"""
PAGE_STYLE = """
:root{color-scheme:light dark}body{font:14px system-ui,sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem}
svg{width:100%;height:auto}table{border-collapse:collapse}th,td{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
"""


def svg(events: Iterable[Event], title: str) -> str:
    """A picture that stands for itself. title: what was run, such as `bootstrap init demo`."""
    made = timeline(events)
    return tostring(_picture(made, _headline(made, title)), encoding="unicode") + "\n"


def page(events: Iterable[Event], title: str) -> str:
    """The picture in a page, with everything in it as a table below."""
    made = timeline(events)
    headline = _headline(made, title)
    html = Element("html", lang="en")
    head = SubElement(html, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width")
    SubElement(head, "title").text = headline
    SubElement(head, "style").text = PAGE_STYLE
    body = SubElement(html, "body")
    SubElement(body, "h1").text = headline
    body.append(_picture(made, headline))
    body.append(_table(made))
    return "<!doctype html>\n" + tostring(html, encoding="unicode", method="html") + "\n"


def _headline(made: Timeline, title: str) -> str:
    failed = [name for name, spans in made.hosts.items() if any(span.doing is Doing.FAIL for span in spans)]
    unended = [phase.name for phase in made.phases if not phase.ended]
    end = f", failed on {', '.join(failed)}" if failed else f", ended in {', '.join(unended)}" if unended else ""
    return shown(f"{title}: {count(len(made.hosts), 'host')}, {_seconds(made.total)}{end}").replace("\n", " ")


def _description(made: Timeline) -> str:
    phases = [f"{phase.name} {_seconds(phase.start)} to {_seconds(phase.end)}" for phase in made.phases]
    return shown(f"Phases: {'; '.join(phases)}." if phases else "Nothing happened.")


class _Plot:
    """Where things are. left: where the axis begins; its length is what is left of WIDTH."""

    def __init__(self, made: Timeline) -> None:
        names = [*made.hosts, *(phase.name for phase in made.phases), "phases"]
        self.left = 2 * MARGIN + LETTER * min(max(map(len, names)), LONGEST_NAME)
        self.seconds = max(made.total, 0.1)
        self.lanes = 58
        self.rows = self.lanes + LANE * len(made.hosts) + 28
        self.axis = self.rows + ROW * len(made.phases) + 4
        self.height = self.axis + 28

    def x(self, at: float) -> float:
        return round(self.left + (WIDTH - self.left - RIGHT) * at / self.seconds, 1)


def _picture(made: Timeline, headline: str) -> Element:
    plot = _Plot(made)
    size = {"viewBox": f"0 0 {WIDTH} {plot.height}", "width": str(WIDTH), "height": str(plot.height)}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img", "aria-labelledby": "title desc"})
    SubElement(root, "title", id="title").text = headline
    SubElement(root, "desc", id="desc").text = _description(made)
    SubElement(root, "style").text = STYLE
    hatch = {"id": "hatch", "width": "6", "height": "6", "patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
    pattern = SubElement(SubElement(root, "defs"), "pattern", hatch)
    SubElement(pattern, "path", {"d": "M0 0V6", "class": "l"})
    SubElement(root, "rect", {"class": "b", "width": "100%", "height": "100%"})
    _text(root, MARGIN, 22, headline, "t h", (WIDTH - 2 * MARGIN) / LETTER)
    _legend(root, {span.doing for spans in made.hosts.values() for span in spans})
    _axis(root, plot)
    for number, (name, spans) in enumerate(made.hosts.items()):
        _lane(root, plot, plot.lanes + LANE * number, name, spans)
    _text(root, MARGIN, plot.rows - 8, "phases", "t s")
    for number, phase in enumerate(made.phases):
        _phase(root, plot, plot.rows + ROW * number, phase)
    return root


def _legend(root: Element, drawn: Set[Doing]) -> None:
    """Only what there is in this picture."""
    for place, doing in enumerate(doing for doing in Doing if doing in drawn):
        x = MARGIN + 100 * place
        _bar(root, doing, x, 32, 24)
        _text(root, x + 32, 44, doing.value, "t s")


def _axis(root: Element, plot: _Plot) -> None:
    step = next((step for step in STEPS if plot.seconds / step <= 10), STEPS[-1])
    for number in range(int(plot.seconds / step) + 1):
        x = plot.x(number * step)
        SubElement(root, "path", {"class": "g", "d": f"M{x} {plot.lanes - 4}V{plot.axis}"})
        _text(root, x, plot.axis + 14, f"{number * step:g} s", "t s m")


def _lane(root: Element, plot: _Plot, y: float, name: str, spans: Sequence[Span]) -> None:
    """A host: its bars, and below each that has room what it was; a failure always. The last may begin further left."""
    _text(root, MARGIN, y + 12, name, "t h", LONGEST_NAME)
    free = edge = float(WIDTH - MARGIN)
    for span in reversed(spans):
        x, end = plot.x(span.start), plot.x(span.end)
        group = SubElement(root, "g")
        words = f"{name}, {span.phase}, {span.doing.value}: {span.text} ({_seconds(span.start)} to {_seconds(span.end)})"
        SubElement(group, "title").text = shown(words)
        _bar(group, span.doing, x, y, max(end - x, 1.5))
        said = span.text if span.doing in (Doing.WAIT, Doing.FAIL) else span.phase
        if span.doing is Doing.FAIL or (min(end, free) - x) / LETTER >= min(len(said), SHORTEST_LABEL):
            begin = max(plot.left, min(x, edge - LETTER * (len(said) + 1))) if free == edge else x
            _text(group, begin, y + BAR + 11, said, "t s", (free - begin) / LETTER)
            free = begin - LETTER


def _phase(root: Element, plot: _Plot, y: float, phase: PhaseSpan) -> None:
    x, end = plot.x(phase.start), plot.x(phase.end)
    group = SubElement(root, "g")
    SubElement(group, "title").text = shown(f"{phase.name}: {phase.title} ({_seconds(phase.start)} to {_seconds(phase.end)})")
    _text(group, MARGIN, y + 10, phase.name, "t", LONGEST_NAME)
    SubElement(group, "rect", _box("p", x, y + 4, max(end - x, 1.5), 5))
    took = _took(phase.end - phase.start) + ("" if phase.ended else ", cut")
    _text(group, min(end + 6, WIDTH - LETTER * len(took)), y + 10, took, "t s")


def _bar(parent: Element, doing: Doing, x: float, y: float, width: float) -> None:
    match doing:
        case Doing.FAIL:
            SubElement(parent, "path", {"class": "f", "d": f"M{x} {y + 2}l12 12m0-12l-12 12"})
        case Doing.WRITE:
            SubElement(parent, "rect", _box("w", x, y, width, BAR))
        case Doing.WAIT:
            SubElement(parent, "rect", _box("a", x, y, width, BAR))
        case Doing.READ:
            SubElement(parent, "rect", _box("r", x, y + 5, width, BAR - 10))


def _box(kind: str, x: float, y: float, width: float, height: float) -> dict[str, str]:
    return {"class": kind, "x": f"{x:g}", "y": f"{y:g}", "width": f"{round(width, 1):g}", "height": f"{height:g}"}


def _text(parent: Element, x: float, y: float, text: str, kind: str, room: float = 200) -> None:
    """Words, cut where they would not fit. room: letters."""
    element = SubElement(parent, "text", {"class": kind, "x": f"{round(x, 1):g}", "y": f"{y:g}"})
    element.text = cut(shown(text).replace("\n", " "), int(room))


def _table(made: Timeline) -> Element:
    table = Element("table")
    _row(table, "th", ("Host", "Phase", "What", "From", "To"))
    for name, spans in made.hosts.items():
        for span in spans:
            what = f"{span.doing.value}: {span.text}"
            _row(table, "td", (name, span.phase, what, _seconds(span.start), _seconds(span.end)))
    return table


def _row(table: Element, cell: str, texts: Sequence[str]) -> None:
    row = SubElement(table, "tr")
    for text in texts:
        SubElement(row, cell).text = shown(text)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s"


def _took(seconds: float) -> str:
    """A duration in few letters: milliseconds where tenths of a second would say nothing, and no tenths of long ones."""
    if seconds < 0.095:
        return f"{1000 * seconds:.0f} ms"
    return _seconds(seconds) if seconds < 100 else f"{seconds:.0f} s"
