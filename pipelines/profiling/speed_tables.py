"""The tables of a profile that say how fast it is: latency, throughput, memory, loading, dependence."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.profiling.markdown import Json, code, figure, milliseconds, section, table


def where(profile: Json) -> str:
    """Return what was measured where, and how quiet it was there."""
    noise = profile["noise"]
    quiet = "; ".join(noise["complaints"])
    versions = ", ".join(f"{name} {version}" for name, version in profile["packages"].items())
    return (
        f"{code(profile['command'])}, {profile['date']}, {profile['machine']}, threads of a replica: "
        f"{profile['threads']}, seed {profile['settings']['seed']}; {versions}.\n\n"
        f"Noise: repeats of one calculation differed by a factor of {noise['spread']:.2f} at most, it slowed "
        f"by a factor of {noise['drift']:.2f} during the run, others used {noise['foreign_cores']:.2f} cores "
        f"at most; {f'above the limits: {quiet}' if quiet else 'within the limits'}.\n"
    )


def latency(profile: Json) -> str:
    """Return medians and 99th percentiles by batch size; one table for each set of batch sizes."""
    found: dict[tuple[int, ...], list[list[str]]] = {}
    for stage in profile["stages"]:
        for variant in stage["variants"]:
            cells = [f"{milliseconds(p['median_s'])} / {milliseconds(p['p99_s'])}" for p in variant["points"]]
            sizes = tuple(p["batch"] for p in variant["points"])
            found.setdefault(sizes, []).append([stage["name"], code(variant["name"]), *cells])
    return section(
        "Latency as served",
        "Milliseconds by batch size: median / 99th percentile, each with its "
        f"{100 * profile['confidence']:g} % interval (order statistics; an open end: too few runs).",
        *(table(["stage", "variant", *map(str, sizes)], rows) for sizes, rows in found.items()),
    )


def serving(profile: Json) -> str:
    """Return throughput, memory and load times."""
    rows = [
        [
            stage["name"],
            code(variant["name"]),
            " / ".join(f"{p['batch']}: {figure(p['throughput_rps'])}" for p in variant["points"]),
            f"{variant['memory_bytes'] / 2**20:.0f}",
            "{value:.2f} ({low:.2f}–{high:.2f})".format_map(variant["load_s"]),
        ]
        for stage in profile["stages"]
        for variant in stage["variants"]
    ]
    head = ["stage", "variant", "items/s at saturation, by batch", "memory, MiB", "start to ready, s"]
    return section(
        "Throughput, memory, loading", "In brackets: the fastest and the slowest start.", table(head, rows)
    )


def dependence(profile: Json) -> str:
    """Return the medians of single items by the variants they came from; empty where nothing is upstream."""
    rows = []
    for stage in profile["stages"]:
        for variant in stage["variants"]:
            smallest = min(p["batch"] for p in variant["points"])
            of_smallest = [row for row in variant["by_choice"] if row["batch"] == smallest]
            if len(of_smallest) > 1:
                rows.append(_dependence_row(variant["name"], smallest, of_smallest))
    if not rows:
        return ""
    head = ["variant", "batch", "median after (interval), ms", "slowest / fastest", "apart"]
    return section(
        "What the variants before change",
        "*Apart*: the intervals of the slowest and of the fastest do not meet.",
        table(head, rows),
    )


def _dependence_row(variant: str, batch: int, rows: Sequence[Json]) -> list[str]:
    ordered = sorted((row["median_s"] for row in rows), key=lambda interval: float(interval["value"]))
    fastest, slowest = ordered[0], ordered[-1]
    apart = None not in (fastest["high"], slowest["low"]) and fastest["high"] < slowest["low"]
    cells = ", ".join(f"{code(' + '.join(row['after']))} {milliseconds(row['median_s'])}" for row in rows)
    ratio = slowest["value"] / fastest["value"]
    return [code(variant), str(batch), cells, f"{ratio:.2f}", "yes" if apart else "no"]
