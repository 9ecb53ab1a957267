"""Things that go wrong on purpose, with the truth written down: who notices, how soon, and what it costs.

    case = families.case("slow latency drift", seed=1)    # trace, faults, calendar, and what is true when
    result = running.run(case, "rules")                   # one episode, judged
    bars.bars(rows)                                       # what it must show

`families` makes the cases, `truth` says what a policy that knew everything would believe, `running` runs one
entrant, `judging` holds what the loop said against what was true, `bars` compares entrants seed by seed.
"""
