"""For the fork server of `test_kill` alone: importing this compiles the twin, so that no child has to.

No solver is run here: its threads would not survive the fork.
"""

import langchain_openai  # noqa: F401 - the second it takes, once

from simulator.twin import Twin
from tests.agent import crash
from tests.agent.toy import ENOUGH, pipeline_of

__all__ = ["crash"]

Twin(pipeline_of(), ENOUGH, [5.0], seed=0, batch_wait_s={"find": 0.0, "read": 0.0}).drain()
