"""`python -m pipelines.profiling.votes video|audio`: record what every variant of the last stage answers.

Runs where the servers run (`.venv-serving`), on examples that no model was trained on and no profile was
measured on. Every variant names the same ideal inputs, and whatever comes out of each choice of variants
before it; `votes.json`, beside the pipeline file, keeps all labels, so that any ensemble can be counted
afterwards (`core.ensemble`). Only a last stage that gives an item one label or none can vote.
"""

from __future__ import annotations

import argparse
import json
import string
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from core.ensemble import NOTHING, Answers, JointVotes, VoteTable
from core.errors import InvalidDocument, TrimtabError, UsageError
from pipelines import kits
from pipelines.kit import BadItem, Example, Kit, StageKit
from pipelines.profiling.ballots import summary
from pipelines.profiling.document import to_out
from pipelines.profiling.machine import machine
from pipelines.profiling.walk import Choice, Walk, choices, stages_before
from pipelines.serving.served import Served, load

VOTING = ("video", "audio")
"""The ready pipelines whose last stage gives labels."""
VOTES_FILE = "votes.json"
EXAMPLES = 1000
SEED = 4127
"""Neither that of the profiles (2026) nor one that training uses (7, 20, 21)."""
LETTERS = string.ascii_letters + string.digits
FAILED, USAGE = 1, 2

Variants = Mapping[str, Sequence[str]]
Labels = list[list[str | None] | None]
"""By example: the label of each item, None where it got none; None where an item could not be served."""


def main() -> None:
    """Record the votes as the arguments say, and print what they are worth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=VOTING)
    parser.add_argument("--models", type=Path, help="default: .models/NAME")
    parser.add_argument("--out", type=Path, help="default: pipelines/NAME/votes.json")
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    try:
        _record(given)
    except TrimtabError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(USAGE if isinstance(error, UsageError) else FAILED)


def read_votes(path: Path) -> dict[str, VoteTable]:
    """Return the recorded votes by stage.

    Raises:
        UsageError: the file cannot be read.
        InvalidDocument: it holds no votes.
    """
    try:
        return TypeAdapter(dict[str, VoteTable]).validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; give the file of the votes") from error
    except ValidationError as error:
        raise InvalidDocument(f"{path}: {error.errors()[0]['msg']}; record the votes again") from error


def recorded(
    kit: Kit, models: Path, *, examples: int, seed: int, provenance: Mapping[str, str | int | float]
) -> tuple[str, VoteTable]:
    """Return the kit's last stage and what all its variants answer on generated examples.

    Raises:
        UsageError: there is no one last stage, it gives more than a label, or there are too few examples.
    """
    if examples < 2:  # noqa: PLR2004 - a half to choose on, a half to report
        raise UsageError(f"{examples} examples cannot be halved; give at least 2")
    stage = _last(kit)
    shown = kit.examples(examples, seed, 0.0)
    walk = Walk(kit, [example.payload for example in shown])
    variants: Variants = {s.name: tuple(s.variants) for s in kit.stages}
    before = stages_before(kit, stage.name)
    for name in before:
        for variant in variants[name]:
            served = load(kit, name, variant, models, batch=1)
            for choice in choices(variants, stages_before(kit, name)):
                list(walk.serve(name, choice, variant, served))
    alone: dict[str, Labels] = {}
    joint: dict[Choice, dict[str, Labels]] = {choice: {} for choice in choices(variants, before)}
    for variant in variants[stage.name]:
        served = load(kit, stage.name, variant, models, batch=1)
        alone[variant] = [_named(stage, served, example) for example in shown]
        for choice, answers in joint.items():
            list(walk.serve(stage.name, choice, variant, served))
            answers[variant] = [_labels(stage, served, given) for given in walk.inputs(stage.name, choice)]
            _refuse_another_answer(kit, walk.answers((*choice, variant)), answers[variant], shown)
    return stage.name, _table(stage.name, shown, alone, joint, provenance)


def _record(given: argparse.Namespace) -> None:
    name: str = given.name
    models = given.models or Path(".models") / name
    path = given.out or Path(__file__).parent.parent / name / VOTES_FILE
    command = f"python -m pipelines.profiling.votes {name}"
    provenance = {
        "date": datetime.now(tz=UTC).date().isoformat(),
        "machine": machine(),
        "command": f"{command} --examples {given.examples} --seed {given.seed}",
        "examples": given.examples,
        "seed": given.seed,
    }
    stage, table = recorded(
        kits.load(name), models, examples=given.examples, seed=given.seed, provenance=provenance
    )
    content = table.model_dump(mode="json")
    to_out(path, json.dumps({stage: content}, separators=(",", ":"), sort_keys=True) + "\n")
    sys.stdout.write(summary(table) + "\n")


def _last(kit: Kit) -> StageKit:
    if len(kit.sinks) != 1:
        raise UsageError(f"pipeline {kit.name!r} ends in {', '.join(kit.sinks)}; only one stage can vote")
    return kit.stage(kit.sinks[0])


def _named(stage: StageKit, served: Served, example: Example) -> list[str | None]:
    """Return the label of each ideal input; none of one that is refused, as it would count as wrong."""
    labels = (_labels(stage, served, [case.item]) for case in example.cases[stage.name])
    return [None if label is None else label[0] for label in labels]


def _labels(stage: StageKit, served: Served, items: Sequence[bytes] | None) -> list[str | None] | None:
    if items is None:
        return None
    found: list[str | None] = []
    for item in items:
        (outputs,) = served([item])
        if isinstance(outputs, BadItem):
            return None
        if len(outputs) > 1:
            raise UsageError(
                f"stage {stage.name!r} gave {len(outputs)} outputs for an item; only labels vote"
            )
        found.append(str(stage.read_back(outputs[0])) if outputs else None)
    return found


def _refuse_another_answer(
    kit: Kit, outputs: Sequence[Sequence[bytes] | None], labels: Labels, shown: Sequence[Example]
) -> None:
    """Hold the rule by which labels are right (all of them, in any order) against the kit's own."""
    for given, found, example in zip(outputs, labels, shown, strict=True):
        by_kit = given is not None and kit.right(kit.answer(given), example.truth)
        by_labels = found is not None and sorted(filter(None, found)) == sorted(_truth(example))
        if by_kit != by_labels:
            raise UsageError(f"pipeline {kit.name!r} is not right by its labels alone; its votes say nothing")


def _truth(example: Example) -> list[str]:
    return [example.truth] if isinstance(example.truth, str) else [str(label) for label in example.truth]


def _table(
    stage: str,
    shown: Sequence[Example],
    alone: Mapping[str, Labels],
    joint: Mapping[Choice, Mapping[str, Labels]],
    provenance: Mapping[str, str | int | float],
) -> VoteTable:
    cases = [[str(case.truth) for case in example.cases[stage]] for example in shown]
    truths = [_truth(example) for example in shown]
    everything = [*alone.values(), *(labels for given in joint.values() for labels in given.values())]
    said = {label for labels in everything for of_example in labels for label in of_example or ()}
    names = sorted({*filter(None, said), *(x for t in (*cases, *truths) for x in t)})
    if len(names) > len(LETTERS):
        raise UsageError(f"stage {stage!r} gives {len(names)} labels; at most {len(LETTERS)} can be recorded")
    letters = dict(zip(names, LETTERS, strict=False))
    return VoteTable.model_validate(
        {
            "labels": {letter: name for name, letter in letters.items()},
            "case_truth": [_word(labels, letters) for labels in cases],
            "alone": {
                variant: [_word(given, letters) for given in labels] for variant, labels in alone.items()
            },
            "truth": [_word(labels, letters) for labels in truths],
            "joint": [
                JointVotes(
                    others=choice,
                    answers={variant: _words(labels, letters) for variant, labels in given.items()},
                )
                for choice, given in joint.items()
            ],
            "provenance": provenance,
        }
    )


def _words(labels: Labels, letters: Mapping[str, str]) -> Answers:
    return tuple(_word(of_example, letters) for of_example in labels)


def _word(labels: Sequence[str | None] | None, letters: Mapping[str, str]) -> str | None:
    if labels is None:
        return None
    return "".join(NOTHING if label is None else letters[label] for label in labels)


if __name__ == "__main__":
    main()
