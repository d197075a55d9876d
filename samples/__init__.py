"""Rendered car parts, good and bad, with the truth about print and defects."""
