"""What can go wrong, sorted by who can help: the caller (`UsageError`) or time (`TransientError`)."""


class TrimtabError(Exception):
    """Anything Trimtab reports on purpose. Its text is one clear line, fit for a user."""


class UsageError(TrimtabError):
    """The caller can mend it: a bad file, name, number or option."""


class InvalidDocument(UsageError):
    """A file's content is wrong; the message names the path inside it and the fix."""


class TransientError(TrimtabError):
    """Time may mend it: a source that is down, a lock that is held."""


class MetricsUnavailable(TransientError):
    """There are no usable measurements. Never to be read as an idle pipeline."""


class ActuationFailed(TransientError):
    """A configuration could not be made real."""


class StoreError(TrimtabError):
    """The decision store cannot be read or written."""


class SolverError(TrimtabError):
    """The solver ended without a proof of optimality or of infeasibility."""
