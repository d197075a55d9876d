"""What the print mask is worth: the same model with no mask, its own, the true one, and rectangles.

Kept equal in every row: the trained network, the registration of each image, the light it is brought to, and the way
from residuals to a score. What a residual usually is depends on what is masked, so each row learns that anew, by the
procedure that ends every training, from the same good parts: those that the training held back, masked in that row's
way. No row is judged with the statistics of another; that of the model's own mask gives back the model's scores.
Findings about the print, which do not depend on the mask, are left out: scores are of the comparison alone. What cannot
be made equal is the training itself, which was done behind the model's own mask.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from models.distance import length_of
from models.disturbance import Look, looks
from models.evidence import Residuals
from models.levels import DETAILED, LEVELS
from models.normalisation import learn_normal
from models.scoring import Scoring
from models.selection import held_back
from models.statistics import scratched
from pipeline.bundle import load_bundle
from pipeline.evaluation import auroc, recall_at
from pipeline.exceptions import UsageError
from pipeline.framing import Frame, lit_grey, lit_part
from pipeline.images import Grey, Mask, find_images, grey_of, read_image
from pipeline.labels import labels_in_place, print_in_place
from pipeline.print import PrintStage
from pipeline.registration import Registration

TRUE = "the true mask"
FALSE_CALLS = 0.01
HELD = 300  # good parts that statistics are learned from, at the most


class Seen(NamedTuple):
    """An image behind one mask: how far it is off, what is not compared, (1, H, W) uint8, and the share of print."""

    residuals: Residuals
    ignored: Mask
    masked: float


class Outcome(NamedTuple):
    """What one mask leads to: scores of the test images by class, and the masked share of the good ones, 0..1."""

    scores: dict[str, NDArray[np.float64]]
    masked: float


class Ablation:
    """A model that sees images behind several masks."""

    def __init__(self, model: Path, dataset: Path) -> None:
        """Load `model`, which was trained on `dataset`; true print is in its `print/`, as far as it is known."""
        self._bundle, self._dataset = load_bundle(model), dataset
        self._session = _raw_session(self._bundle.network)
        held, self._groups = held_back(dataset, self._bundle)
        self._held, self._test = held[:HELD], find_images(dataset / "test")
        known = all(_truth(dataset, path).exists() for path in (*self._held, *self._test))
        self._masks = MASKS if known else {name: mask for name, mask in MASKS.items() if name != TRUE}

    def outcomes(self) -> dict[str, Outcome]:
        """What each mask leads to."""
        judges = self._learn()
        scores: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in judges}
        masked: dict[str, list[float]] = {name: [] for name in judges}
        for path in self._test:
            kind = path.relative_to(self._dataset / "test").parts[0]
            for name, seen in self._see(path).items():
                scores[name][kind].append(_score(judges[name], seen))
                masked[name] += [seen.masked] if kind == "good" else []
        return {
            name: Outcome({kind: np.array(found) for kind, found in scores[name].items()}, float(np.mean(masked[name])))
            for name in judges
        }

    def _learn(self) -> dict[str, Scoring]:
        """For each mask a scoring that knows how high residuals of good parts behind it are."""
        numbered = list(enumerate(self._held))
        seen = [self._see(path, _numbered(look, number)) for look in looks(len(numbered)) for number, path in numbered]
        hurt = [self._see(path, _numbered(scratched, number)) for number, path in numbered]
        judges = {}
        for name in self._masks:
            residuals = Residuals.together([one[name].residuals for one in seen])
            ignored = torch.from_numpy(np.stack([one[name].ignored for one in seen[: len(numbered)]]))
            judges[name] = Scoring(self._bundle.view.size)
            hairlines = torch.cat([one[name].residuals.levels[DETAILED] for one in hurt])
            learn_normal(judges[name], residuals, hairlines, ignored, self._groups[: len(numbered)])
        return judges

    def _see(self, path: Path, look: Callable[[Frame], Frame] = lambda frame: frame) -> dict[str, Seen]:
        bundle = self._bundle
        image = read_image(path, max_megapixels=bundle.config.image.max_megapixels)
        registration = bundle.registrar.register(image)
        frame = lit_part(image, registration, bundle.unjudged, bundle.light)
        taken = grey_of(image)
        grey = lit_grey(taken, registration, frame, bundle.light)
        place = Place(grey, registration, bundle.print_stage, _truth(self._dataset, path))
        found = bundle.print_stage.find(grey, registration, taken)
        looked = look(labels_in_place(frame, found, registration, bundle.view))
        seen, bare = {}, frame.without_burnt()
        for name, mask in self._masks.items():
            pixels = mask(place)
            printed = print_in_place(replace(found, pixels=pixels), registration)
            ignored = bare.behind(printed, bundle.view).ignored[None]
            feed = {"image": looked.image[None], "ignored": ignored, "detail": looked.detail[None]}
            *levels, averages, off = (torch.from_numpy(found) for found in self._session.run(None, feed))
            residuals = Residuals(levels, averages, length_of(off))
            seen[name] = Seen(residuals, ignored, np.count_nonzero(pixels) / pixels.size)
        return seen


def _numbered(look: Look, number: int) -> Callable[[Frame], Frame]:
    """What a training makes of the frame of this number."""
    return lambda frame: look(frame, number)


class Place(NamedTuple):
    """What a mask may depend on."""

    grey: Grey
    registration: Registration
    stage: PrintStage
    truth: Path


def _no_mask(place: Place) -> Mask:
    return np.zeros(place.stage.size[::-1], np.uint8)


def _own_mask(place: Place) -> Mask:
    return place.stage.find(place.grey, place.registration).pixels


def _true_mask(place: Place) -> Mask:
    """The print as it was drawn, in the reference frame."""
    drawn = np.ascontiguousarray(read_image(place.truth, max_megapixels=100)[..., 0])
    moved = cv2.warpAffine(drawn, place.registration.matrix, place.stage.size, flags=cv2.INTER_NEAREST)
    return np.where(np.asarray(moved) > 0, 255, 0).astype(np.uint8)


def _rectangles(place: Place) -> Mask:
    """The box of each zone, where good parts have it on average: what a person would draw."""
    pixels = _no_mask(place)
    for zone in place.stage.zones:
        pixels[zone.window] = 255
    return pixels


MASKS: dict[str, Callable[[Place], Mask]] = {
    "no mask": _no_mask,
    "this mask": _own_mask,
    TRUE: _true_mask,
    "rectangles": _rectangles,
}


def _truth(dataset: Path, path: Path) -> Path:
    return (dataset / "print" / path.relative_to(dataset)).with_suffix(".png")


def _raw_session(network: bytes) -> onnxruntime.InferenceSession:
    """The graph, cut off before residuals, averages and the whole are compared with what is usual."""
    model = onnx.load_from_string(network)
    nodes = model.graph.node
    raw = [
        next(node.input[0] for node in nodes if f"scoring.usual_{level}" in node.input) for level in range(len(LEVELS))
    ]
    raised = next(node.output[0] for node in nodes if "scoring.average_most" in node.input)
    raw.append(next(node.input[0] for node in nodes if raised in node.input))
    raw.append(next(node.output[0] for node in nodes if "distance.whole_axes" in node.input))
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in raw)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@torch.no_grad()
def _score(judge: Scoring, seen: Seen) -> float:
    return float(judge.score(judge.summaries(seen.residuals, torch.from_numpy(seen.ignored[None]))).highest)


def on_label(kinds: Iterable[str]) -> list[str]:
    """The classes of defects that lie on a label or run over one, by their names."""
    return [kind for kind in kinds if "label" in kind or kind == "scratch"]


def markdown(outcomes: dict[str, Outcome], label_defects: Sequence[str]) -> Iterator[str]:
    """Lines of the table: AUROC, recall at 1 % false calls, and recall on defects of the label, also class by class.

    Raises:
        UsageError: a class that no test image is of, or no good or bad test images.
    """
    kinds = next(iter(outcomes.values())).scores
    unknown = [kind for kind in ("good", *label_defects) if kind not in kinds]
    if unknown or len(kinds) < 2:
        raise UsageError(f"no test images of class {unknown[0] if unknown else 'bad'}; there are {', '.join(kinds)}")
    yield f"| mask | good part masked | AUROC | recall | on the label | {' | '.join(label_defects)} |"
    yield "| --- |" + " --- |" * (4 + len(label_defects))
    for name, outcome in outcomes.items():
        yield f"| {name} | {outcome.masked:.2%} | {' | '.join(_figures(outcome.scores, label_defects))} |"


def _figures(scores: dict[str, NDArray[np.float64]], label_defects: Sequence[str]) -> list[str]:
    good = scores["good"]
    bad = np.concatenate([found for kind, found in scores.items() if kind != "good"])
    label = np.concatenate([scores[kind] for kind in label_defects])
    recalls = [recall_at(good, found, FALSE_CALLS) for found in (bad, label, *(scores[kind] for kind in label_defects))]
    return [f"{auroc(good, bad):.3f}", *(f"{recall:.2f}" for recall in recalls)]
