"""The tables of a profile that say how often it is right: alone, joint, against the product, under drift."""

from __future__ import annotations

from statistics import fmean

from pipelines.profiling.markdown import Json, code, correlation, points, section, share, table


def alone(profile: Json) -> str:
    """Return the accuracy of every variant on ideal inputs, at every drift."""
    levels = profile["levels"]
    rows = []
    for k, first in enumerate(levels[0]["alone"]):
        of_variant = [level["alone"][k] for level in levels]
        sent = " / ".join("none" if a["fan_out"] is None else f"{a['fan_out']:.2f}" for a in of_variant)
        shares = [share(a["accuracy"]) for a in of_variant]
        rows.append([first["stage"], code(first["variant"]), *shares, sent])
    head = ["stage", "variant", *(f"drift {level['drift']:g}" for level in levels), "outputs an item"]
    return section(
        "Each stage alone, on ideal inputs",
        f"Share of {levels[0]['examples']} examples (Wilson's interval).",
        table(head, rows),
    )


def joint(profile: Json) -> str:
    """Return the accuracy of every combination beside the product, at every drift."""
    levels = profile["levels"]
    rows = []
    for k, first in enumerate(levels[0]["combinations"]):
        of_choice = [level["combinations"][k] for level in levels]
        cells = [(f"{row['joint']:.3f} ({row['product']:.3f})", correlation(row["phi"])) for row in of_choice]
        rows.append([" + ".join(first["variants"]), *(cell for pair in cells for cell in pair)])
    heads = [(f"drift {level['drift']:g}: joint (product)", "phi") for level in levels]
    return section(
        "End to end against the product",
        "*phi* is the correlation of the errors of two stages, the mean over pairs of stages; none where a "
        "stage never or always errs.",
        table(["variants", *(cell for pair in heads for cell in pair)], rows),
    )


def differences(profile: Json) -> str:
    """Return how far the product of the stages' accuracies is from what was measured."""
    rows = []
    for level in profile["levels"]:
        found, combinations = level["differences"], level["combinations"]
        outside = sum(not row["low"] <= row["product"] <= row["high"] for row in combinations)
        signed = [points(found[name], signed=True) for name in ("mean", "lowest", "highest")]
        rows.append(
            [
                f"{level['drift']:g}",
                *signed,
                points(found["mean_absolute"]),
                f"{outside} of {len(combinations)}",
                correlation(level["mean_phi"]),
            ]
        )
    head = ["drift", "mean", "lowest", "highest", "mean absolute", "product outside the interval", "mean phi"]
    return section(
        "How far the product is from the truth",
        "Joint minus product, in points; the interval is that of the joint accuracy.",
        table(head, rows),
    )


def drift(profile: Json) -> str:
    """Return what each variant loses from clean to the strongest drift, the most first."""
    clean, worst = profile["levels"][0], profile["levels"][-1]
    stages = [stage["name"] for stage in profile["stages"]]
    rows = []
    for before, after in zip(clean["alone"], worst["alone"], strict=True):
        place = stages.index(before["stage"])
        with_it = [
            row["joint"] - harmed["joint"]
            for row, harmed in zip(clean["combinations"], worst["combinations"], strict=True)
            if row["variants"][place] == before["variant"]
        ]
        rows.append((fmean(with_it), before, before["accuracy"]["value"] - after["accuracy"]["value"]))
    rows.sort(key=lambda row: -row[0])
    return section(
        "What drift takes away",
        f"Points from drift {clean['drift']:g} to {worst['drift']:g}, the most first.",
        table(
            ["stage", "variant", "lost alone", "lost by the combinations with it, on average"],
            [[of["stage"], code(of["variant"]), points(own), points(lost)] for lost, of, own in rows],
        ),
    )


def made_of(profile: Json) -> str:
    """Return sizes and licences."""
    sizes = [[code(name), f"{size / 1e6:.2f}"] for name, size in profile["weights"].items()]
    licences = [[name, licence] for name, licence in profile["licenses"].items()]
    return section(
        "Sizes and licences",
        "",
        table(["file of weights", "MB"], sizes),
        table(["made of", "licence"], licences),
    )
