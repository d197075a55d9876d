"""Inspection of one image: registration, print, reconstruction, residual, score, verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.bundle import Bundle, load_bundle
from pipeline.exceptions import ImageError
from pipeline.framing import PRINT, Frame, lit_grey, lit_part, painted_over
from pipeline.images import Image, Mask, grey_of, read_image, size_in_words
from pipeline.labels import labels_in_place, to_original
from pipeline.network import Network, Residuals
from pipeline.print import Code, PrintMask
from pipeline.profiling import Stopwatch
from pipeline.quality import Conditions, measure, unusual
from pipeline.registration import Registration
from pipeline.verdict import Verdict, decide, overall_score, place_in_words
from pipeline.view import View

Map = NDArray[np.float32]

MOST_BURNT = 2 / 3
"""Share of a part that may be burnt out: there, only what is darker than it should be is seen."""


@dataclass(frozen=True)
class Evidence:
    """What the verdict rests on, as pictures of h x w pixels in the working frame.

    Attributes:
        registered: (h, w, 3) uint8 RGB, the part in the reference pose.
        masked: (h, w) uint8, 255 where pixels are kept out of the comparison, print first of all.
        reconstruction: (h, w, 3) uint8 RGB, how the part should look.
        ssim_residual: (h, w) float32, in deviations of what good parts show at the same place.
        feature_residual: (h, w) float32, same unit.
        detail_residual: (h, w) float32, what stands out at twice that size, by itself or averaged, same unit.
        anomaly: (h, w) float32, all evidence together, in the unit of score and threshold.
        burnt_out: share of the frame that is burnt out, and so kept out of the comparison, 0..1.
        unseen: share of the frame that lies outside the image, and so is filled from the reference, 0..1.
        view: what of the reference the pictures show.
    """

    registered: Image
    masked: Mask
    reconstruction: Image
    ssim_residual: Map
    feature_residual: Map
    detail_residual: Map
    anomaly: Map
    burnt_out: float
    unseen: float
    view: View


@dataclass(frozen=True)
class Inspection:
    """The result for one image.

    Attributes:
        verdict: OK, NG, REVIEW or ERROR.
        score: higher is more anomalous; None for ERROR.
        threshold: scores above it are not OK.
        peak: pixel (x, y) of the original image where the anomaly is strongest, or the centre of the print that is at
            fault where nothing else is; None for ERROR.
        reason: the verdict in words.
        masked: share of the part's pixels under the print mask, 0..1.
        codes: decoded codes, with corners in the original image.
        findings: what is wrong with the print, in words.
        doubts: why the image cannot be judged safely, in words.
        ms: time from decoded image to verdict, milliseconds; from the file on for `inspect_file`.
        steps: what of it each step took, milliseconds.
        registration: pose of the part; None for ERROR.
        print_mask: print found, in the reference frame; None for ERROR.
        p_value: chance that a good part scores as high, 0..1; None where there is no score.
        conditions: how the image was taken; None for ERROR.
        image: (H, W, 3) uint8 RGB, the image itself, where evidence was asked for.
        evidence: pictures, where they were asked for.
    """

    verdict: Verdict
    score: float | None
    threshold: float
    peak: tuple[float, float] | None
    reason: str
    masked: float = 0.0
    codes: tuple[Code, ...] = ()
    findings: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    ms: float = 0.0
    steps: Mapping[str, float] = field(default_factory=dict)
    registration: Registration | None = None
    print_mask: PrintMask | None = None
    p_value: float | None = None
    conditions: Conditions | None = None
    image: Image | None = None
    evidence: Evidence | None = None


class Inspector:
    """A loaded model. Holds no state between images: threads may share one, and each gets what one alone would get.
    Pickled, it is its bundle: another process loads the same model from it, whatever its folder holds by then.

    It uses one core an image. OpenCV, which it calls, starts threads of its own: `cv2.setNumThreads(1)` where several
    images are inspected at a time.

    >>> from pipeline.images import read_image
    >>> from pipeline.inspector import Inspector
    >>> inspector = Inspector.load(Path("samples/model"))
    >>> image = read_image(Path("samples/images/label_missing_00.jpg"), max_megapixels=10)
    >>> found = inspector.inspect(image)
    >>> image.shape, found.verdict, found.findings
    ((576, 768, 3), <Verdict.NG: 'NG'>, ('label 1 missing',))
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.model_id = bundle.model_id
        self.size = bundle.size
        self._network = Network(bundle.network)
        self._registrar = bundle.registrar

    def __reduce__(self) -> tuple[type["Inspector"], tuple[Bundle]]:
        return type(self), (self.bundle,)

    @classmethod
    def load(cls, folder: Path) -> "Inspector":
        """Load a model folder; raises ModelError where it is missing, altered or of another format."""
        return cls(load_bundle(folder))

    def inspect_file(self, path: Path, *, evidence: bool = False) -> Inspection:
        """Inspect an image file; one that cannot be read gets the verdict ERROR and the reason."""
        watch = Stopwatch()
        try:
            image = read_image(path, max_megapixels=self.bundle.config.image.max_megapixels)
        except ImageError as error:
            return self._failed(str(error), watch)
        watch.lap("decode")
        return self._inspect(image, watch, evidence=evidence)

    def inspect(self, image: Image, *, evidence: bool = False) -> Inspection:
        """Inspect a decoded image.

        Args:
            image: (H, W, 3) uint8 RGB, of the size that the model was trained on; another gets ERROR. Not changed.
            evidence: also return the pictures that the verdict rests on.
        """
        return self._inspect(image, Stopwatch(), evidence=evidence)

    def _inspect(self, image: Image, watch: Stopwatch, *, evidence: bool) -> Inspection:
        if image.dtype != np.uint8 or image.shape != self.bundle.reference.shape:
            known = size_in_words(self.bundle.reference)
            return self._failed(f"is {size_in_words(image)}, the model knows {known}", watch)
        registration = self._registrar.register(image)
        watch.lap("registration")
        frame = lit_part(image, registration, self.bundle.unjudged, self.bundle.light)
        watch.lap("frame")
        grey = grey_of(image)
        print_mask = self.bundle.print_stage.find(
            lit_grey(grey, registration, frame, self.bundle.light), registration, grey
        )
        frame = labels_in_place(frame, print_mask, registration, self.bundle.view)
        watch.lap("print")
        compared = frame.without_burnt()
        residuals = self._network.run(compared)
        watch.lap("network")
        result = self._judge(registration, print_mask, frame, residuals)
        pictures = _pictures(compared, residuals, self.bundle.view) if evidence else None
        watch.lap("judging")
        seen = image if evidence else None
        return replace(result, ms=watch.ms, steps=watch.steps, image=seen, evidence=pictures)

    def _judge(
        self, registration: Registration, print_mask: PrintMask, frame: Frame, residuals: Residuals
    ) -> Inspection:
        calibration = self.bundle.calibration
        score = overall_score(residuals.score, print_mask.findings, reject=calibration.reject)
        peak = self._peak(residuals.anomaly, registration, print_mask)
        if residuals.score <= calibration.threshold and print_mask.places:  # the print alone is at fault
            peak = self._inside(*print_mask.places[0].mean(axis=0))
        conditions = measure(frame, registration, print_mask.pixels)
        doubts = self._doubts(registration, frame, conditions)
        verdict, reason = decide(
            score=residuals.score,
            threshold=calibration.threshold,
            reject=calibration.reject,
            where=self._where(residuals, peak),
            doubts=doubts,
            findings=print_mask.findings,
            unseen=frame.unseen,
        )
        return Inspection(
            verdict, score, calibration.threshold, peak, reason,
            masked=conditions.masked,
            codes=print_mask.codes, findings=print_mask.findings, doubts=doubts,
            registration=registration, print_mask=print_mask,
            p_value=calibration.p_value(score) if np.isfinite(score) else None, conditions=conditions,
        )  # fmt: skip

    def _doubts(self, registration: Registration, frame: Frame, conditions: Conditions) -> tuple[str, ...]:
        doubts = []
        if not registration.found:
            doubts.append(f"the part's pose was not found (correlation {registration.quality:.2f})")
        if frame.unseen > self.bundle.max_outside:
            doubts.append(f"{frame.unseen:.0%} of the part lies outside the image")
        if frame.burnt_share > MOST_BURNT:
            doubts.append(f"{frame.burnt_share:.0%} of the part is burnt out")
        return (*doubts, *unusual(conditions, self.bundle.usual))

    def _peak(self, anomaly: Map, registration: Registration, print_mask: PrintMask) -> tuple[float, float]:
        """The strongest cell of the anomaly map, as a pixel of the original image."""
        row, column = np.unravel_index(np.argmax(np.nan_to_num(anomaly)), anomaly.shape)
        place = self.bundle.view.at((anomaly.shape[1], anomaly.shape[0])).to_reference(np.array([[column, row]]))
        return self._inside(*to_original(place, print_mask, registration)[0])

    def _where(self, residuals: Residuals, peak: tuple[float, float]) -> str:
        """Where the part differs, in words; what only the part as a whole shows has no place."""
        if residuals.all_over > 0 and residuals.score - residuals.all_over <= self.bundle.calibration.threshold:
            return "all over"
        return place_in_words(peak, self.size)

    def _inside(self, x: float, y: float) -> tuple[float, float]:
        width, height = self.size
        return float(np.clip(x, 0, width - 1)), float(np.clip(y, 0, height - 1))

    def _failed(self, reason: str, watch: Stopwatch) -> Inspection:
        return Inspection(Verdict.ERROR, None, self.bundle.calibration.threshold, None, reason, ms=watch.ms)


def _pictures(frame: Frame, residuals: Residuals, view: View) -> Evidence:
    size = (frame.image.shape[1], frame.image.shape[0])
    ssim, features, detail, anomaly = (
        np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_LINEAR), np.float32)
        for found in (residuals.ssim, residuals.features, residuals.detail, residuals.anomaly)
    )
    masked = np.where(frame.ignored >= PRINT, np.uint8(255), np.uint8(0))
    expected = painted_over(residuals.reconstruction, view)
    return Evidence(
        frame.image, masked, expected, ssim, features, detail, anomaly, frame.burnt_share, frame.unseen, view
    )
