"""The denoising autoencoder: its network, its training and its export. Needs the `train` extra."""

import os

# OpenMP threads that spin while they wait starve each other as soon as anything else runs on the machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
