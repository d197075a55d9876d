"""A new threshold for a trained model, from other images of good parts."""

from pathlib import Path

import numpy as np
from rich.progress import track

from pipeline.bundle import load_bundle
from pipeline.calibration import Calibration, Scores, set_threshold
from pipeline.exceptions import UsageError
from pipeline.images import find_images
from pipeline.inspector import Inspector


def calibrate(model: Path, good: Path, bad: Path | None, *, false_calls: float, confidence: float) -> Calibration:
    """Set the threshold of a model anew. The model folder changes last, and only if all went well.

    Args:
        model: model folder.
        good: folder of good parts that the model was not trained on.
        bad: folder of bad parts; they do not move the threshold, they tell what recall it proves.
        false_calls: wanted share of good parts above the threshold, 0..1.
        confidence: wanted confidence, 0..1.

    Raises:
        ModelError: no usable model.
        UsageError: no images, an image that cannot be judged, or scores that are all the same.
    """
    bundle = load_bundle(model)
    inspector = Inspector(bundle)
    good_scores = _scores(inspector, good, "good parts")
    bad_scores = _scores(inspector, bad, "bad parts") if bad else np.zeros(0)
    if len(good_scores) < 2 or np.ptp(good_scores) == 0:
        raise UsageError(f"{good}: {len(good_scores)} scores, all the same; give different good parts")
    calibration = set_threshold(good_scores, bad_scores, false_calls=false_calls, confidence=confidence)
    bundle.recalibrated(calibration, model)
    return calibration


def _scores(inspector: Inspector, folder: Path, name: str) -> Scores:
    scores = []
    for path in track(find_images(folder), description=name):
        inspection = inspector.inspect_file(path)
        if inspection.score is None or not np.isfinite(inspection.score):
            raise UsageError(f"{path}: cannot be judged ({inspection.reason}); take it out of {folder}")
        scores.append(inspection.score)
    return np.array(scores)
