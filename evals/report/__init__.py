"""The report of an evaluation: one HTML file that needs nothing else, neither network nor script.

write_report(Path("trimtab-out/paper"), Path("paper.html"))
"""

from evals.report.page import write_report

__all__ = ["write_report"]
