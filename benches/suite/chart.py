"""Charts as SVG, by hand: readable on light and on dark ground."""

from xml.sax.saxutils import escape

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; }
.axis { stroke: #8c959f; stroke-width: 1; fill: none; }
.wall { fill: #8250df; stroke: #8250df; }
.cpu { fill: #bf8700; stroke: #bf8700; }
.peak { fill: #1a7f37; stroke: #1a7f37; }
.line { fill: none; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .wall { fill: #a371f7; stroke: #a371f7; }
  .cpu { fill: #d29922; stroke: #d29922; }
  .peak { fill: #3fb950; stroke: #3fb950; }
}
"""
LABEL, BARS, VALUE = 130, 480, 90
ROW, BAR = 38, 13
PANEL, PLOT = 240, 150


def svg(width, height, title, body):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n'
            f'{text(0, 16, title, kind="title")}\n{body}\n</svg>\n')


def text(x, y, words, anchor="start", kind=""):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{kind}>{escape(str(words))}</text>'


def bars(title, rows):
    """Two bars a row, for seconds on the clock and of processors; a row is a name and the two."""
    most = max(max(wall, cpu) for _, wall, cpu in rows)
    parts = legend(LABEL, 36)
    for number, (name, *values) in enumerate(rows):
        top = 50 + number * ROW
        parts.append(text(LABEL - 10, top + 18, name, "end"))
        for index, (kind, value) in enumerate(zip(["wall", "cpu"], values)):
            y, width = top + index * (BAR + 1), max(1, BARS * value / most)
            parts.append(f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}"/>')
            parts.append(text(LABEL + width + 6, y + 11, f"{value:.2f} s"))
    return svg(LABEL + BARS + VALUE, 60 + len(rows) * ROW, title, "\n".join(parts))


def legend(x, y):
    parts = []
    for index, (kind, words) in enumerate([("wall", "wall time"), ("cpu", "processor time")]):
        left = x + index * 120
        parts.append(f'<rect class="{kind}" x="{left}" y="{y - 10}" width="11" height="11"/>')
        parts.append(text(left + 17, y, words))
    return parts


def lines(title, unit, steps, series):
    """A panel a series; a series is a name, its kind, the unit of its values, and they."""
    parts = []
    for number, (name, kind, value_unit, values) in enumerate(series):
        left, bottom = 10 + number * (PANEL + 30), 60 + PLOT
        most = max(values) or 1
        xs = [left + 20 + index * (PANEL - 40) / max(1, len(steps) - 1) for index in range(len(steps))]
        points = [(x, bottom - PLOT * value / most) for x, value in zip(xs, values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts += [text(left, 42, f"{name}, {value_unit}"),
                  f'<path class="axis" d="M{left} {bottom}h{PANEL}"/>',
                  f'<polyline class="line {kind}" points="{path}" style="fill:none"/>']
        for (x, y), step, value in zip(points, steps, values):
            parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>',
                      text(x, bottom + 18, step, "middle"), text(x, y - 7, f"{value:.3g}", "middle")]
        parts.append(text(left + PANEL / 2, bottom + 36, unit, "middle"))
    return svg(20 + len(series) * (PANEL + 30), 60 + PLOT + 46, title, "\n".join(parts))
