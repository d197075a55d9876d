"""New thresholds for a trained model: from other images, or from results that a person has reviewed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from pipeline.bundle import load_bundle
from pipeline.calibration import Calibration, Goal, Scores, calibrate_scores
from pipeline.engines import Engine, here
from pipeline.exceptions import UsageError
from pipeline.groups import find_groups
from pipeline.images import find_images
from pipeline.inspector import Inspector
from pipeline.reviews import read_reviews
from pipeline.rows import Row
from pipeline.verdict import Verdict


@dataclass(frozen=True)
class Judged:
    """Parts of one truth, as the model saw them.

    Attributes:
        names: (N,) relative paths.
        scores: (N,) finite.
        otherwise: (N,) whether a part is not OK for another reason than its score.
    """

    names: tuple[str, ...]
    scores: Scores
    otherwise: NDArray[np.bool_]


NONE = Judged((), np.zeros(0), np.zeros(0, bool))


ODD = 8.0
"""Distance above the median of the good parts, in those of the usual 90th percentile, that no good part has: where high
scores get rarer by the same factor with every unit, one in a hundred million."""


def calibrate(
    model: Path, good: Path, bad: Path | None, goal: Goal, *,
    group: str | None = None, trust: bool = False, engine: Engine = here,
) -> Calibration:  # fmt: skip
    """Set the thresholds of a model from images. The model folder changes last, and only if all went well.

    Args:
        model: model folder.
        good: folder of good parts that the model was not trained on.
        bad: folder of bad parts; they tell what recall is proved, and set the threshold where a recall is wanted.
        goal: what the thresholds are to keep.
        group: regular expression that finds the group in each relative path; None if all parts are independent.
        trust: the parts in `good` are good, however far off some of them score.
        engine: inspects the images.

    Raises:
        ModelError: no usable model.
        UsageError: no images, an image that cannot be judged, bad parts among the good ones as it seems, or scores that
            allow no threshold.
    """
    inspector = Inspector.load(model)
    good_parts = _inspect(inspector, good, engine)
    if not trust:
        _refuse_odd(good_parts, inspector.bundle.calibration, good)
    bad_parts = _inspect(inspector, bad, engine) if bad else NONE
    return _renew(model, good_parts, bad_parts, goal, group, source=str(good))


def recalibrate(model: Path, reviewed: Sequence[Path], goal: Goal, *, group: str | None = None) -> Calibration:
    """Set the thresholds of a model from its own results, after a person has reviewed them.

    Args:
        model: model folder.
        reviewed: one or more `results.csv` of this very model with a column `reviewed`; see `read_reviews`.
        goal: what the thresholds are to keep.
        group: as for `calibrate`.

    Raises:
        ModelError: no usable model.
        UsageError: results of another model, images still to be reviewed, or scores that allow no threshold.
    """
    bundle = load_bundle(model)
    rows = [row for path in reviewed for row in read_reviews(path, bundle.model_id)]
    good, bad = (
        [row for row, verdict in rows if verdict is wanted and row.score is not None]
        for wanted in (Verdict.OK, Verdict.NG)
    )
    return _renew(model, _from_rows(good), _from_rows(bad), goal, group, source=str(reviewed[0]))


def _refuse_odd(parts: Judged, known: Calibration, folder: Path) -> None:
    """Light and camera may have changed since, which moves all scores; a bad part stands out from the others."""
    usual = np.quantile(known.good_scores, 0.9) - np.median(known.good_scores)
    middle, low = np.median(parts.scores), np.quantile(parts.scores, 0.1)
    far = (parts.scores - middle) / max(usual, middle - low, 1e-9)
    odd = [parts.names[index] for index in np.argsort(-far) if far[index] > ODD]
    if odd:
        named = ", ".join(odd[:3]) + (f" and {len(odd) - 3} more" if len(odd) > 3 else "")
        raise UsageError(
            f"{folder}: {named} score far above the other good parts; look at them (goodparts explain), take out what "
            "is bad, or say --trust; the model stays as it was"
        )


def _renew(model: Path, good: Judged, bad: Judged, goal: Goal, group: str | None, *, source: str) -> Calibration:
    try:
        calibration = calibrate_scores(
            good.scores, np.where(bad.otherwise, np.inf, bad.scores), goal,
            otherwise=good.otherwise, groups=find_groups(group, good.names) if group else None,
        )  # fmt: skip
    except ValueError as error:
        raise UsageError(f"{source}: {error}; the model stays as it was") from error
    load_bundle(model).recalibrated(calibration, model)
    return calibration


def _inspect(inspector: Inspector, folder: Path, engine: Engine) -> Judged:
    paths = find_images(folder)
    seen = engine(partial(_looking, inspector), paths)
    found = list(track(seen, total=len(paths), description=f"inspecting {folder.name}", transient=True))
    return Judged(
        tuple(path.relative_to(folder).as_posix() for path in paths),
        np.array([score for score, _ in found], np.float64),
        np.array([otherwise for _, otherwise in found], bool),
    )


def _looking(inspector: Inspector) -> Callable[[Path], tuple[float, bool]]:
    return partial(_look, inspector)


def _look(inspector: Inspector, path: Path) -> tuple[float, bool]:
    """Score, and whether the part is not OK for another reason; no more is kept of an image: masks add up."""
    inspection = inspector.inspect_file(path)
    if inspection.score is None or not np.isfinite(inspection.score):
        raise UsageError(f"{path}: cannot be judged ({inspection.reason}); take it out of {path.parent}")
    return inspection.score, bool(inspection.findings or inspection.doubts)


def _from_rows(rows: Sequence[Row]) -> Judged:
    return Judged(
        tuple(row.image for row in rows),
        np.array([row.score for row in rows], np.float64),
        np.array([bool(row.findings or row.doubts) for row in rows], bool),
    )
