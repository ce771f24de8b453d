"""The report of an evaluation: `report.html`, complete in one file."""
from src.evaluation.report.build import build_report, save_report

__all__ = ["build_report", "save_report"]
