"""Where the pipelines are: every folder with a decision store, and the pipelines in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from agent.folder import DECISIONS
from core.errors import StoreError, UsageError
from tools.points import Points
from tools.presence import read_presence
from ui import show

DEPTH = 3
"""Folders below the one that was given: DATA/NAMESPACE/PIPELINE of a controller, and one more."""
LOOKED_S = 5.0
"""How long it is believed that no other pipeline has come."""
BUSY_S = 1.0
"""How long a page waits for a locked store."""
PICKER = 420
"""Pixels of the list that pipelines are chosen from."""
MOST_PROBLEM = 400
"""Characters of what is wrong with a store."""
CHOSEN = "pipeline"
"""The key of the pipeline in the address, and what is remembered while other pages are looked at."""


@dataclass(frozen=True, slots=True)
class Place:
    """One pipeline, and the folder of its loop."""

    folder: Path
    pipeline: str
    key: str
    """What it is called in addresses, once in a console: the folder below the data folder, and its name."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A store that cannot be read, and why."""

    folder: Path
    problem: str


@dataclass(frozen=True, slots=True)
class Found:
    """What there is."""

    places: tuple[Place, ...]
    unreadable: tuple[Unreadable, ...] = ()


def find(data: Path) -> Found:
    """Return every pipeline below *data*, in the order of their keys; none where there is no such folder yet.

    Raises:
        UsageError: it is a file.
        StoreError: it cannot be read.
    """
    if not data.exists():
        return Found(())
    if not data.is_dir():
        raise UsageError(f"{data} is a file; --data is the folder of a loop, or one with several in it")
    places: list[Place] = []
    unreadable: list[Unreadable] = []
    for folder in _stores(data, DEPTH):
        try:
            with closing(Points(folder / DECISIONS, busy_s=BUSY_S)) as points:
                names = {*points.pipelines(), *_alive(folder)}
        except (StoreError, UsageError) as error:
            unreadable.append(Unreadable(folder, str(error)))
            continue
        places += [Place(folder, name, _key(data, folder, name)) for name in names]
    return Found(tuple(sorted(_told_apart(data, places), key=lambda p: p.key)), tuple(unreadable))


@st.cache_data(ttl=LOOKED_S, show_spinner=False, max_entries=4)
def found(data: Path) -> Found:
    """Return `find`, looked up anew every few seconds."""
    return find(data)


def warn(found: Found) -> None:
    """Show which stores cannot be read, and why."""
    for broken in found.unreadable:
        st.warning(show.label(broken.problem, MOST_PROBLEM), icon=":material/database_off:")


def chosen(places: tuple[Place, ...]) -> Place:
    """Return the pipeline that the address names, else the one looked at last, else the first.

    Raises:
        UsageError: the address names one that there is not.
    """
    named = st.query_params.get(CHOSEN) or st.session_state.get(CHOSEN)
    place = next((p for p in places if p.key == named), None)
    if place is None and CHOSEN in st.query_params:
        raise UsageError(f"there is no pipeline {named!r} here; choose one of those on the overview")
    place = place or places[0]
    st.session_state[CHOSEN] = place.key
    return place


def titled(found: Found, title: str = "") -> Place:
    """Draw the title of a page, by default the pipeline's name, and beside it the list; return the chosen.

    Raises:
        UsageError: the address names one that there is not.
    """
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with right:
        place = pick(found)
    left.title(title or show.label(place.pipeline), anchor=False)
    return place


def pick(found: Found) -> Place:
    """Let the pipeline be chosen where there are several, and return it.

    Raises:
        UsageError: the address names one that there is not.
    """
    place = chosen(found.places)
    keys = [p.key for p in found.places]
    if len(keys) == 1:
        return place
    picked = st.selectbox(
        "Pipeline", keys, index=keys.index(place.key), width=PICKER, label_visibility="collapsed"
    )
    if picked != place.key:
        st.session_state[CHOSEN] = picked
        st.query_params.from_dict({CHOSEN: picked})  # a decision in the address is the other one's
    return found.places[keys.index(picked)]


def _alive(folder: Path) -> tuple[str, ...]:
    """Return the pipeline whose loop said that it lives: its first decision may still wait for a person."""
    presence = read_presence(folder)
    return () if presence is None else (presence.pipeline,)


def _key(data: Path, folder: Path, pipeline: str) -> str:
    parts = folder.relative_to(data).parts
    return "/".join(parts if parts and parts[-1] == pipeline else (*parts, pipeline))


def _told_apart(data: Path, places: list[Place]) -> list[Place]:
    """Return the places with keys of which no two are the same: no folder's path has two slashes."""
    keys = Counter(place.key for place in places)
    return [
        place
        if keys[place.key] == 1 and "//" not in place.key
        else replace(place, key=f"{place.folder.relative_to(data).as_posix()}//{place.pipeline}")
        for place in places
    ]


def _stores(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the folders with a store, *folder* itself first."""
    if (folder / DECISIONS).is_file():
        yield folder
    if depth == 0:
        return
    try:
        below = sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink())
    except OSError as error:
        raise StoreError(f"{folder}: cannot be read: {error.strerror}; make it readable") from error
    for one in below:
        yield from _stores(one, depth - 1)
