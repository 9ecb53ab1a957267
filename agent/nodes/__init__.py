"""The nodes of the state machine. Each does one thing and returns what it found.

`sense` reads, `think` proposes and checks, `act` asks a person, changes and records. Only `act.apply` changes
anything outside, under the id of the decision and after its intent is stored.
"""
