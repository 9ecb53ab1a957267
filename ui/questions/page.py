"""Ask why, why not and what if: the answer as it comes, the tools it rests on, the decisions it speaks of.

Questions, answers and tools' results are text of others, and are shown as text alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import groupby

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.lib.mutable_status_container import StatusContainer

from agent.explain.conversation import Conversation
from agent.explain.question import MOST_QUESTION
from agent.explain.reply import By, Reply, Statement
from agent.explain.steps import Asking, Saying, Step, Used
from agent.explain.text import neutral
from core.errors import StoreError, TrimtabError, UsageError
from core.tooluse import ToolUse
from ui import links, settings, show
from ui.decisions.draw_thought import lines, pretty
from ui.links import ABOUT
from ui.places import Place, found, pick, warn
from ui.questions.asking import EXAMPLES, about, answered, asking_as
from ui.questions.conversations import Answered, Conversations, Kept
from ui.settings import ConsoleSettings
from ui.show import Look, guarded, guards
from ui.signing.access import gate, person
from ui.struck import struck
from ui.when import viewers_zone, wall

SHOWN = 10
"""Answers that are shown at first; the older ones on demand."""
ALL_SHOWN = "chat:all"
ANSWERS: dict[By, Look] = {
    "record": Look("blue", ":material/menu_book:"),
    "model": Look("violet", ":material/smart_toy:"),
}
"""How it looks who answered."""
RESULT_PX = 220
"""Height of a tool's result, which is scrolled."""


@dataclass(frozen=True, slots=True)
class Chat:
    """The conversation of one user about one pipeline."""

    user: str
    place: Place
    kept: Conversations

    def history(self) -> tuple[Kept, ...]:
        """Return what was said, oldest first; what is wrong with it is shown, and stops no question."""
        try:
            return self.kept.history(self.user, self.place.key)
        except StoreError as error:
            show.banner(error)
            return ()

    def before(self) -> Conversation:
        """Return what a model is told of it; nothing where it cannot be read, which `history` has shown."""
        try:
            return self.kept.conversation(self.user, self.place.key)
        except StoreError:
            return Conversation()

    def forget(self) -> None:
        """Delete it, for who asked alone: the click may come after they signed out elsewhere."""
        with guarded():
            if person(settings.given()).name != self.user:
                raise UsageError(f"nothing was forgotten: you are not {self.user} any more; reload the page")
            self.kept.forget(self.user, self.place.key)


@guards
def page() -> None:
    """Draw the page."""
    given = settings.given()
    viewer = gate(given)
    given = asking_as(viewer, given)
    st.title("Ask", anchor=False)
    here = found(given.data)
    warn(here)
    if not here.places:
        if here.unreadable:
            return
        show.empty(
            "There is nothing to ask about yet",
            f"There is no decision below {given.data}. In a minute, on a simulated cluster:",
            "$ trimtab demo",
        )
        return
    chat = Chat(viewer.name, pick(here), Conversations(given.home))
    name = st.query_params.get(ABOUT)
    _head(chat.place, name, given.model)
    history = chat.history()
    _past(chat, history)
    question = st.chat_input(
        "Why, why not, what if?", key="question", max_chars=MOST_QUESTION, submit_mode="stop"
    )
    if question is None and not history:
        question = _examples()
    if question is not None:
        _ask(chat, question, name, given)


def _head(place: Place, name: str | None, model: str | None) -> None:
    """Say what questions are about, and who answers them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if name is None:
            st.text(f"About the last decision of {place.pipeline}.")
        else:
            st.text("About decision")
            links.to_decision(place, name)
            if st.button("Ask about the last one instead", icon=":material/update:", type="tertiary"):
                del st.query_params[ABOUT]
                st.rerun()
    if model is None:
        st.text("Answers come from the record and the solver, without a language model.")
    else:
        st.text(f"Answers come from {model} and read-only tools; where it gives none, from the record.")


def _past(chat: Chat, history: tuple[Kept, ...]) -> None:
    """Show what was said, the oldest only on demand, and let it be forgotten."""
    if not history:
        return
    older = len(history) - SHOWN
    with st.container(horizontal=True, horizontal_alignment="right"):
        if older > 0 and not st.session_state.get(ALL_SHOWN):
            st.button(f"Show {older} older", type="tertiary", icon=":material/history:", on_click=_show_all)
        with st.popover("Forget…", icon=":material/delete:", type="tertiary"):
            st.text("This deletes your questions about this pipeline, and their answers, for good.")
            st.button("Forget this conversation", key="forget", on_click=chat.forget)
    zone = viewers_zone()
    for kept in history if st.session_state.get(ALL_SHOWN) else history[-SHOWN:]:
        _question(kept.answered.reply.question, wall(kept.at, zone))
        with st.chat_message("assistant", avatar=":material/explore:"):
            _answer(chat.place, kept.answered)


def _show_all() -> None:
    st.session_state[ALL_SHOWN] = True


def _examples() -> str | None:
    """Offer questions; return the one that was chosen."""
    offer = st.empty()
    with offer.container():
        st.text("For example:")
        with st.container(horizontal=True):
            asked = [text for text in EXAMPLES if st.button(text, key=f"example:{text}")]
    if not asked:
        return None
    offer.empty()
    return asked[0]


def _ask(chat: Chat, question: str, name: str | None, given: ConsoleSettings) -> None:
    """Answer a question, and keep the answer."""
    _question(question)
    with st.chat_message("assistant", avatar=":material/explore:"):
        whole = st.empty()
        with whole.container():
            found = _answered(chat, question, name, given)
        if found is None:
            return
        try:
            chat.kept.keep(chat.user, chat.place.key, found)
        except StoreError as error:
            with whole.container():
                _answer(chat.place, found)
                show.banner(error)
            return
    st.rerun()


def _answered(chat: Chat, question: str, name: str | None, given: ConsoleSettings) -> Answered | None:
    """Return the answer, showing each step on the way; None where there is none, which is said."""
    status = st.status("Reading the record", expanded=True)
    watch = Watch(status, st.empty())
    try:
        with status:
            return answered(
                question,
                about(chat.place, name),
                chat.place,
                given,
                os.environ,
                conversation=chat.before(),
                heard=watch.hear,
            )
    except TrimtabError as error:
        status.update(label="There is no answer", state="error", expanded=False)
        show.banner(error)
        return None


@dataclass(frozen=True, slots=True)
class Watch:
    """Draws the steps of an answer as they come."""

    status: StatusContainer
    saying: DeltaGenerator

    def hear(self, step: Step) -> None:
        """Draw a step."""
        match step:
            case Asking(number):
                self.saying.empty()
                self.status.update(label=f"Asking the language model, call {number}", expanded=True)
            case Used(use):
                # Not in a `with`: its end would end the status.
                self.status.text(neutral(f"{use.id} {use.tool}"))
                self.status.code(lines(use.arguments, len(use.arguments)), language="json", wrap_lines=True)
            case Saying(text):
                self.saying.text(text)


def _question(text: str, when: str = "") -> None:
    with st.chat_message("user", avatar=":material/person:"):
        st.text(text)
        if when:
            st.caption(when)


def _answer(place: Place, found: Answered) -> None:
    """Show an answer: who gave it, its statements with their sources, its tools, its decisions."""
    reply = found.reply
    look = ANSWERS[reply.by]
    st.badge(reply.label, icon=look.icon, color=look.colour)
    for source, statements in groupby(reply.statements, key=lambda statement: statement.source):
        _statements(reply, source, list(statements))
    if reply.ungrounded:
        st.warning("Figures struck through are in no tool result.", icon=":material/report:")
        st.text(", ".join(reply.ungrounded))
    if reply.note:
        st.text(reply.note)
    if found.uses:
        with st.expander(f"Tools used: {len(found.uses)}", icon=":material/build:"):
            for use in found.uses:
                _use(use)
    with st.container(horizontal=True):
        for name in found.named:
            links.to_decision(place, name)


def _statements(reply: Reply, source: str, statements: list[Statement]) -> None:
    with st.container(gap="xxsmall"):
        for statement in statements:
            st.text(struck(statement.text, reply.ungrounded))
        st.text(f"↳ {source}")


def _use(use: ToolUse) -> None:
    st.text(neutral(f"{use.id} {use.tool}{'' if use.ok else ', without an answer'}"))
    st.code(lines(use.arguments, len(use.arguments)), language="json", wrap_lines=True)
    st.code(_readable(use.result), language="json", wrap_lines=True, height=RESULT_PX)


def _readable(text: str) -> str:
    """Return a tool's JSON on lines of its own, without what is hidden in it; what was cut off as it is."""
    return lines(pretty(text), 2 * len(text))
