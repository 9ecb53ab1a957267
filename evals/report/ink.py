"""How the report's figures look: one style a policy, colours that the page sets, SVG that stands in the page.

Colours are near Okabe and Ito's (2008), which people with any colour vision can tell apart, without their
yellow and black, which vanish on light or dark paper; each policy has a marker of its own too. Figures are
drawn with stand-ins for colours, which become CSS variables: one figure is right on light and on dark paper.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib

matplotlib.use("agg")

from markupsafe import Markup, escape
from matplotlib.figure import Figure

from evals.standings import ORACLE, Roles

COLOURS = ("--c0", "--c1", "--c2", "--c3", "--c4", "--c5")
INK, MUTED, FAINT, PAPER, OURS = "#0c00f0", "#0c00f1", "#0c00f2", "#0c00f3", "#0c00f4"
STAND_INS: Mapping[str, str] = {
    INK: "--ink",
    MUTED: "--muted",
    FAINT: "--faint",
    PAPER: "--paper",
    OURS: "--ours",
    **{f"#0c000{k}": name for k, name in enumerate(COLOURS)},
}
"""Colours that no figure would use for themselves, by the variable that takes their place."""
LINE_COLOURS = tuple(stand_in for stand_in, name in STAND_INS.items() if name in COLOURS)
MARKERS = ("o", "s", "^", "v", "D", "P", "X")
"""As many as share no divisor with the colours: 42 pairs before one comes twice."""
GLYPHS: Mapping[str, str] = dict(zip(MARKERS, "●■▲▼◆✚✖", strict=True)) | {"*": "★", "d": "◇"}


@dataclass(frozen=True, slots=True)
class Style:
    """How one policy is drawn."""

    policy: str
    colour: str
    """A stand-in."""
    marker: str
    size: float
    is_ours: bool

    @property
    def variable(self) -> str:
        """The CSS variable of the colour."""
        return STAND_INS[self.colour]

    @property
    def glyph(self) -> str:
        """The marker as a character."""
        return GLYPHS[self.marker]


def styles(policies: Sequence[str], roles: Roles) -> Mapping[str, Style]:
    """Return the style of every policy: ours and the oracles stand out, the rest follow the alphabet."""
    others = sorted(p for p in policies if p != roles.ours and not p.startswith(ORACLE))
    found = {
        policy: Style(policy, f"#0c000{k % len(COLOURS)}", MARKERS[k % len(MARKERS)], 6.0, is_ours=False)
        for k, policy in enumerate(others)
    }
    for policy in set(policies) - set(others):
        is_ours = policy == roles.ours
        found[policy] = Style(
            policy,
            OURS if is_ours else INK,
            "*" if is_ours else "d",
            13.0 if is_ours else 8.0,
            is_ours=is_ours,
        )
    return found


@contextmanager
def drawing(name: str) -> Iterator[None]:
    """Draw with the report's settings; *name* makes the identifiers of a figure reproducible."""
    with matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "font.size": 9.0,
            "text.color": INK,
            "axes.edgecolor": MUTED,
            "axes.facecolor": "none",
            "axes.labelcolor": MUTED,
            "axes.titlecolor": INK,
            "axes.titlesize": 10.0,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": FAINT,
            "grid.linewidth": 0.6,
            "axes.axisbelow": True,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "figure.facecolor": "none",
            "svg.hashsalt": name,
        }
    ):
        yield


def inline(figure: Figure, name: str, alt: str, tips: Mapping[str, str] | None = None) -> Markup:
    """Return a figure as SVG for a page: described, with a tip on each artist whose gid is in *tips*."""
    written = io.BytesIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    text = written.getvalue().decode("utf-8")
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    for gid, tip in (tips or {}).items():
        body = body.replace(f'<g id="{gid}">', f'<g id="{gid}"><title>{escape(tip)}</title>')
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    for stand_in, variable in STAND_INS.items():
        body = body.replace(stand_in, f"var({variable})")
    head = f'<svg role="img" aria-label="{escape(alt)}"'
    opening, rest = body.split(">", 1)
    opening = re.sub(r' (width|height)="[^"]*"', "", opening)
    return Markup(f"{opening.replace('<svg', head, 1)}>{rest}")
