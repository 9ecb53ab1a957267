"""Why: the account of one decision, and answers to questions about it.

    account(decision, ...)    the whole trace of a turn, like an engineer's log
    answer(question, subject)  from the record and the solver, no language model
    Talk(...).answer(...)      a language model over the read-only tools, else the same as above

All of it reads. Text that came from a model, the cluster or a person is neutralised before it is shown.
"""
