"""What people are asked and answer: SQLite in WAL mode, append-only, durable.

Two processes share the file: the loop opens and closes requests, the command line answers. Of several answers
the first counts, and an answer counts only while its request is open and not expired; each is written under
the file's write lock, so there is no time in between. An answer belongs to one request: the same change
asked for again later has to be answered again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from core.approval import Approval, Hash
from core.complaints import complaint
from core.configuration import Configuration
from core.errors import UsageError
from core.values import Frozen, Name, NonNegative
from tools.people import PeopleFile

TABLES = ("requests", "answers", "closings")
SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY, decision TEXT NOT NULL UNIQUE, proposal TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS answers (request INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS closings (request INTEGER PRIMARY KEY, reason TEXT NOT NULL, at REAL NOT NULL)"""
LEAST_PREFIX = 6
"""Characters of a hash that are enough to mean it; fewer are too easily mistyped."""
ROWS = (
    "SELECT r.seq, r.body, a.body, c.reason FROM requests r LEFT JOIN answers a ON a.request = r.seq"
    " LEFT JOIN closings c ON c.request = r.seq"
)


class Request(Frozen):
    """One change that a person is asked about."""

    decision: Name
    """Whose change it is: one request for each."""
    pipeline: Name
    proposal: Hash
    """`proposal_hash` of the change."""
    running: Configuration
    proposed: Configuration
    effect: str = ""
    """What the check predicts of it, in one line."""
    rationale: str = ""
    """Why it is proposed: the planner's text, not to be trusted."""
    asked_at: NonNegative
    """Unix time, in seconds."""
    expires_at: NonNegative
    """Unix time from which on no answer counts."""


class Asked(Frozen):
    """A request with what became of it."""

    request: Request
    answer: Approval | None = None
    closed: str | None = None
    """Why it is closed; None while it is open."""

    def state(self, at: float) -> str:
        """Return what became of it by *at*, as a phrase: `waiting`, `expired`, or by whom and why."""
        if self.closed is not None and self.closed != "answered":
            return f"closed: {self.closed}"
        if self.answer is not None:
            return f"{'agreed to' if self.answer.agreed else 'refused'} by {self.answer.approver}"
        return "expired" if at >= self.request.expires_at else "waiting"


class Requests(PeopleFile):
    """The requests of all pipelines in one file.

    Raises:
        StoreError: the file cannot be opened, read or written, or holds something else.
    """

    schema, tables = SCHEMA, TABLES
    missing = "nothing was ever asked: {path} is missing; `trimtab run --mode approve` asks"

    def open(self, request: Request) -> None:
        """Ask; durable when this returns. Repeating it is harmless."""
        with self._reporting():
            self._db.execute(
                "INSERT OR IGNORE INTO requests (decision, proposal, body) VALUES (?, ?, ?)",
                (request.decision, request.proposal, request.model_dump_json()),
            )

    def settle(self, proposal: str, reason: str, *, at: float) -> None:
        """Close the last request for a change: `answered`, `superseded by ...`; no answer counts any more.

        Closing again changes nothing: the first reason stays.

        Args:
            proposal: The hash.
            reason: One line.
            at: Unix time.

        Raises:
            UsageError: nothing was ever asked about that change.
        """
        with self._writing():
            seq = self._last(proposal)
            if seq is None:
                raise UsageError(f"{self.path}: there is no request for {proposal[:12]!r} to close")
            self._db.execute("INSERT OR IGNORE INTO closings VALUES (?, ?, ?)", (seq, reason, at))

    def answer(
        self,
        which: str,
        *,
        agreed: bool,
        approver: str,
        comment: str,
        at: float,
        shown: str | None = None,
    ) -> Approval:
        """Answer an open request; durable when this returns. The first answer counts.

        Args:
            which: The id of the decision, the hash, or its first characters (six at least).
            agreed: Yes or no.
            approver: Who says so.
            comment: Why; may be empty.
            at: Unix time.
            shown: The whole hash of the change that the person saw; *which* is the decision's id then.

        Raises:
            UsageError: no request is meant, or several are; it is closed, expired or answered; it is about
                another change than was shown; the name or the comment cannot be kept.
        """
        with self._writing():
            seq, asked = self._meant(which)
            if shown is not None:
                _refuse_unseen(asked.request, which, shown)
            word = _approval(asked.request, agreed=agreed, approver=approver, comment=comment, at=at)
            _refuse_late(asked, at)
            self._db.execute("INSERT INTO answers VALUES (?, ?)", (seq, word.model_dump_json()))
        return word

    def answer_of(self, proposal: str) -> Approval | None:
        """Return the answer to the last request for a change; None while there is none."""
        query = f"{ROWS} WHERE r.proposal = ? ORDER BY r.seq DESC LIMIT 1"
        with self._reporting():
            row = self._db.execute(query, (proposal,)).fetchone()
            return None if row is None else _asked(row).answer

    def meant(self, which: str) -> Request:
        """Return the one request that is meant by an id, a hash or its first characters.

        Raises:
            UsageError: no request is meant, or several are.
        """
        with self._reporting():
            return self._meant(which)[1].request

    def open_requests(self) -> tuple[Request, ...]:
        """Return the requests that the loop has not closed, answered or not, oldest first."""
        with self._reporting():
            rows = self._db.execute(f"{ROWS} WHERE c.request IS NULL ORDER BY r.seq").fetchall()
            return tuple(_asked(row).request for row in rows)

    def latest(self, count: int) -> tuple[Asked, ...]:
        """Return the last *count* requests with what became of them, newest first."""
        with self._reporting():
            rows = self._db.execute(f"{ROWS} ORDER BY r.seq DESC LIMIT ?", (count,)).fetchall()
            return tuple(_asked(row) for row in rows)

    def _last(self, proposal: str) -> int | None:
        row = self._db.execute(
            "SELECT seq FROM requests WHERE proposal = ? ORDER BY seq DESC LIMIT 1", (proposal,)
        ).fetchone()
        return None if row is None else int(row[0])

    def _meant(self, which: str) -> tuple[int, Asked]:
        """Return the one request that is meant, an open one before those that are over."""
        rows = self._db.execute(
            f"{ROWS} WHERE r.decision = ? OR substr(r.proposal, 1, ?) = ? ORDER BY r.seq",
            (which, max(len(which), LEAST_PREFIX), which.lower()),
        ).fetchall()
        known = [(int(row[0]), _asked(row)) for row in rows]
        chosen = [(seq, asked) for seq, asked in known if asked.closed is None] or known[-1:]
        if not chosen:
            raise UsageError(f"there is no request {which!r}; `trimtab requests` lists them")
        if len({asked.request.proposal for _, asked in chosen}) > 1:
            names = ", ".join(asked.request.decision for _, asked in chosen)
            raise UsageError(f"{which!r} may mean any of {names}; give the whole id")
        return chosen[-1]


def _asked(row: Sequence[Any]) -> Asked:
    _, request, answer, closed = row
    return Asked(
        request=Request.model_validate_json(request),
        answer=None if answer is None else Approval.model_validate_json(answer),
        closed=closed,
    )


def _approval(request: Request, *, agreed: bool, approver: str, comment: str, at: float) -> Approval:
    try:
        return Approval(proposal=request.proposal, agreed=agreed, approver=approver, at=at, comment=comment)
    except ValidationError as error:
        raise UsageError(complaint(error, Approval)) from error


def _refuse_unseen(request: Request, which: str, shown: str) -> None:
    """Refuse an answer to what the person did not see whole, or saw under another decision."""
    if request.decision != which:
        raise UsageError(
            f"{which!r} is no decision that asks; answer by the id that was shown with the change"
        )
    if shown != request.proposal:
        raise UsageError(
            f"request {request.decision} is about the change {request.proposal[:12]}, not what was shown, "
            f"{shown[:12]!r}; look at it again and answer what it asks now"
        )


def _refuse_late(asked: Asked, at: float) -> None:
    request, name = asked.request, f"request {asked.request.decision} ({asked.request.proposal[:12]})"
    if asked.answer is not None:
        said = "yes" if asked.answer.agreed else "no"
        raise UsageError(f"{name} is answered already: {asked.answer.approver} said {said}")
    if asked.closed is not None:
        raise UsageError(f"{name} is closed: {asked.closed}; `trimtab requests` lists what is open")
    if at >= request.expires_at:
        late_s = at - request.expires_at
        raise UsageError(f"{name} expired {late_s:.0f} s ago; it is asked again if it is still due")
