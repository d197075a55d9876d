"""Inspection: image, registration, print, reconstruction, residual, score, verdict.

`Inspector` is the face of the library; see `pipeline.inspector`.
"""

import os

# One image takes one core. BLAS threads on matrices this small only wait for each other, and on a busy machine an
# image then takes ten times as long; the variable counts only before numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
