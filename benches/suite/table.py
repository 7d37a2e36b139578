"""Figures as people read them."""


def seconds(value):
    return f"{value * 1000:.2f} ms" if value < 0.1 else f"{value:.2f} s"


def mib(value):
    return f"{value / (1 << 20):.1f} MiB"


def mb(value):
    return f"{value / 1e6:.1f} MB"


def ratio(value):
    return f"{value:.2f}"


def times(value):
    return f"{ratio(value)} ×"


def table(head, rows):
    """A table in Markdown, its first column to the left, the others to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells):
        aligned = [cell.ljust(width) if column == 0 else cell.rjust(width)
                   for column, (cell, width) in enumerate(zip(cells, widths))]
        return f"| {' | '.join(aligned)} |"

    rule = [("-" * width) if column == 0 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([line(head), line(rule), *map(line, rows)])
