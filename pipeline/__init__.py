"""Inspection: image, registration, print, reconstruction, residual, score, verdict.

`Inspector` is the face of the library; see `pipeline.inspector`.
"""
