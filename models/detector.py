"""The whole network as it inspects: features, reconstruction, residuals, anomaly map. Exported as one ONNX graph."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.autoencoder import Autoencoder
from models.backbone import CHANNELS, Backbone
from models.detail import DetailHead
from models.segmenter import Segmenter
from models.ssim import dissimilarity
from models.variants import nearest, of_variant, picture_of
from pipeline.framing import UNCOMPARED

LEVELS = (8, 4, 4, 4)
"""Strides of the residual maps: distance of features, SSIM, segmentation head, detail head."""

FEATURES, SSIM, SEGMENTED, DETAILED = range(4)
"""Their places in a list of residual maps."""

WEIGHTS = (1.0, 0.25, 0.25)
"""What a deviation in each of them but the last counts; how much one there does is learned from good parts."""

JOINT = 64
"""Dimensions that differences of all levels are projected to: those in which faults stand out most from good parts."""

USUAL = 8
"""Directions at each position along which good parts differ, and along which a difference therefore says little."""

BACKGROUND = 0.25
"""Quantile of an image's evidence that tells how much of it is there all over: no fault covers three quarters."""

EDGES, EVERY = 0.05, 2
"""Share of the places that tell how far the detail of a whole image is off, and of how many rows and columns one is
looked at for that: where the shot is out of focus all edges are off, far more places than a hairline has."""

SUMMARIES = 3
"""What is scored of an image: its highest evidence, its mean evidence, and how far it is off as a whole."""

WHOLE = 2
"""Place of the last of them."""

MEAN_WEIGHT = 0.25
"""Weight of the mean evidence of an image beside that of one place."""


class Reconstruction(NamedTuple):
    """What the network expects, and what it sees instead."""

    features: list[Tensor]
    expected: list[Tensor]
    image: Tensor
    painted: Tensor

    @property
    def differences(self) -> list[Tensor]:
        """Features seen minus features expected, strides 4, 8 and 16."""
        return [found - wanted for found, wanted in zip(self.features, self.expected, strict=True)]


class Detector(nn.Module):
    """Image in, anomaly map out.

    Everything that was learned from good parts after the training is a buffer: the standardisation of features, how
    differences vary at each position (principal components and the noise around them: Tipping and Bishop 1999,
    J. R. Stat. Soc. B 61:611), mean and deviation of each residual at each position, and how high evidence gets.

    Args:
        size: width and height of the working frame.
        width, bottleneck: channels of the autoencoder.
        segmenter: channels of the segmentation head.
        variants: (V, d), what each variant of the good part looks like, as `find_variants` tells; None for one alone.
    """

    def __init__(
        self, size: tuple[int, int], *, width: int, bottleneck: int, segmenter: int, variants: Tensor | None = None
    ) -> None:
        super().__init__()
        self.size = size
        self.backbone = Backbone()
        self.autoencoder = Autoencoder(size, width=width, bottleneck=bottleneck)
        self.segmenter = Segmenter(size, width=segmenter)
        kinds = 1 if variants is None else len(variants)
        self.detail = DetailHead(size, kinds)
        self.register_buffer("variants", torch.zeros(1, 1) if variants is None else variants.clone())
        for level, channels in enumerate(CHANNELS):
            self.register_buffer(f"feature_mean_{level}", torch.zeros(1, channels, 1, 1))
            self.register_buffer(f"feature_scale_{level}", torch.ones(1, channels, 1, 1))
        rows, columns = size[1] // LEVELS[FEATURES], size[0] // LEVELS[FEATURES]
        self.register_buffer("projection", torch.eye(JOINT, sum(CHANNELS))[:, :, None, None])
        self.register_buffer("centre", torch.zeros(kinds, JOINT, rows, columns))
        self.register_buffer("directions", torch.zeros(USUAL, JOINT, rows, columns, dtype=torch.float16))
        self.register_buffer("discount", torch.zeros(1, USUAL, rows, columns))
        self.register_buffer("noise", torch.ones(1, 1, rows, columns))
        for level, stride in enumerate(LEVELS):
            shape = (1, 1, size[1] // stride, size[0] // stride)
            self.register_buffer(f"usual_{level}", torch.zeros(shape))
            self.register_buffer(f"spread_{level}", torch.ones(shape))
        self.register_buffer("whole_centre", torch.zeros(kinds, JOINT))
        self.register_buffer("whole_axes", torch.eye(JOINT))
        self.register_buffer("detail_usual", torch.ones(()))
        self.register_buffer("detail_most", torch.ones(()))
        self.register_buffer("detail_share", torch.ones(()))
        self.register_buffer("background_usual", torch.zeros(()))
        self.register_buffer("background_most", torch.zeros(()))
        self.register_buffer("background_share", torch.zeros(SUMMARIES))
        self.register_buffer("summary_usual", torch.zeros(SUMMARIES))
        self.register_buffer("summary_spread", torch.ones(SUMMARIES))
        self.to(memory_format=torch.channels_last)  # twice as fast on a CPU

    def features(self, image: Tensor) -> list[Tensor]:
        """Standardised features of (N, 3, H, W) images in 0..1, at strides 4, 8 and 16."""
        return [
            (found - self.get_buffer(f"feature_mean_{level}")) * self.get_buffer(f"feature_scale_{level}")
            for level, found in enumerate(self.backbone(image))
        ]

    def reconstruct(self, image: Tensor) -> Reconstruction:
        """Reconstruct (N, 3, H, W) images in 0..1."""
        features = self.features(image)
        expected, painted = self.autoencoder(features)
        return Reconstruction(features, expected, image, painted)

    def segment(self, seen: Reconstruction, kept: Tensor) -> Tensor:
        """Logits of a fault, (N, 1, H/4, W/4); `kept` is (N, 1, H, W), 1 where pixels are compared."""
        found: Tensor = self.segmenter(seen.differences, (seen.image - seen.painted) * kept)
        return found

    def join(self, seen: Reconstruction) -> Tensor:
        """Differences of all levels together at stride 8, (N, C, H/8, W/8)."""
        four, eight, sixteen = seen.differences
        return _smooth(torch.cat([F.avg_pool2d(four, 2), eight, _resize(sixteen, eight.shape[-2:])], dim=1))

    def project(self, seen: Reconstruction) -> Tensor:
        """Differences in the dimensions in which faults stand out, (N, JOINT, H/8, W/8)."""
        return F.conv2d(self.join(seen), self.get_buffer("projection"))

    def variant(self, image: Tensor) -> Tensor:
        """(N,) the number of the variant that each of (N, 3, H, W) images looks most like."""
        return nearest(picture_of(image), self.get_buffer("variants"))

    def distance(self, projected: Tensor, variant: Tensor) -> Tensor:
        """Mahalanobis distance from what good parts of a variant show at the same position, (N, 1, H/8, W/8)."""
        off = projected - of_variant(self.get_buffer("centre"), variant)
        for number, direction in enumerate(self.get_buffer("directions").float().unbind(0)):
            along = (off * direction).sum(1, keepdim=True)
            off = off - self.get_buffer("discount")[:, number, None] * along * direction
        return (off.square().mean(1, keepdim=True) / self.get_buffer("noise") + 1e-6).sqrt()

    def whole_distance(self, mean: Tensor, variant: Tensor) -> Tensor:
        """(N,) Mahalanobis distances of `mean_difference`, (N, JOINT), from those of good parts.

        Wear, dirt and another material change little at each place, but the same everywhere.
        """
        return length_of((mean - of_variant(self.get_buffer("whole_centre"), variant)) @ self.get_buffer("whole_axes"))

    def residuals(self, seen: Reconstruction, ignored: Tensor, detail: Tensor) -> tuple[list[Tensor], Tensor]:
        """Raw residuals, one (N, 1, h, w) map for each of LEVELS: distances, dissimilarity, logits, logits.

        Args:
            seen: images and their reconstruction.
            ignored: (N, 1, H, W) uint8, as in `Frame`.
            detail: (N, 1, 2 H, 2 W) uint8, as in `Frame`.

        Returns:
            The maps, and how far the images are off as a whole, (N,).
        """
        kept, projected, variant = pixels_kept(ignored), self.project(seen), self.variant(seen.image)
        structure = _smooth(dissimilarity(seen.image, seen.painted, kept))
        fine = self.detail(self.detail.deviations(detail.float(), kept, variant))
        whole = self.whole_distance(mean_difference(projected, ignored), variant)
        return [self.distance(projected, variant), structure, self.segment(seen, kept), fine], whole

    def standardise(self, residuals: list[Tensor], ignored: Tensor) -> list[Tensor]:
        """Residuals in deviations from what good parts show at the same position; 0 where nothing is compared.

        What the shot, and not the part, has done to the detail is taken out: defocus and noise multiply all of it.
        """
        *levels, detail = self.in_deviations(residuals, ignored)
        raised = detail_level(detail) / self.get_buffer("detail_usual")
        raised = torch.minimum(raised.clamp(min=1), self.get_buffer("detail_most"))
        return [*levels, detail / raised[:, None, None, None]]

    def in_deviations(self, residuals: list[Tensor], ignored: Tensor) -> list[Tensor]:
        """As `standardise`, with all that the shot has done to the detail."""
        return [
            (found - self.get_buffer(f"usual_{level}")) / self.get_buffer(f"spread_{level}") * kept
            for level, (found, kept) in enumerate(zip(residuals, places_kept(ignored), strict=True))
        ]

    def join_levels(self, standardised: list[Tensor]) -> Tensor:
        """(N, 1, H/4, W/4): the weighted sum of all levels but the detail's; a fault shows in each, noise in one."""
        finest = standardised[SSIM].shape[-2:]
        weighted = [w * _resize(level, finest) for w, level in zip(WEIGHTS, standardised[:DETAILED], strict=True)]
        return torch.stack(weighted).sum(0)

    def evidence(self, standardised: list[Tensor], whole: Tensor) -> tuple[Tensor, Tensor]:
        """What speaks against the part, as a map and in numbers.

        Args:
            standardised: residual maps, one for each of LEVELS.
            whole: (N,) how far the images are off as a whole.

        Returns:
            (N, 1, H/4, W/4), the sum of levels, or where it is higher the detail's evidence: a hairline shows there
            alone; and (N, SUMMARIES + 1), the highest of it, which any small fault raises, the sum's mean, which large
            ones raise, the whole, and the sum's background.
        """
        joined = self.join_levels(standardised)
        places = joined.flatten(1)
        lowest = places.topk(int(BACKGROUND * places.shape[1]), dim=1, largest=False).values
        found = torch.maximum(joined, self.get_buffer("detail_share") * standardised[DETAILED])
        return found, torch.stack([found.flatten(1).amax(1), places.mean(1), whole, lowest.amax(1)], dim=1)

    def settle(self, summaries: Tensor) -> Tensor:
        """(N, SUMMARIES) without what the shot, and not the part, has put there.

        Light, noise or compression raise the evidence everywhere, the background too, and the highest by so much for
        each unit of it. Beyond what disturbed good parts show, a background is the part's own.
        """
        raised = summaries[:, SUMMARIES] - self.get_buffer("background_usual")
        raised = torch.minimum(raised.clamp(min=0), self.get_buffer("background_most"))
        return summaries[:, :SUMMARIES] - raised[:, None] * self.get_buffer("background_share")

    def score(self, summaries: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of summaries; for each of them, settled, good parts have median 0, 90th percentile 1.

        The whole says nothing about most faults, and counts where it is farther off than good parts are.

        Returns:
            (N,) scores, and what of each the part as a whole has added, (N,), 0 or more.
        """
        settled = self.settle(summaries)
        in_spreads = (settled - self.get_buffer("summary_usual")) / self.get_buffer("summary_spread")
        peak, overall, whole = in_spreads.unbind(1)
        all_over = (whole - 1).clamp(min=0)
        return peak + MEAN_WEIGHT * overall + all_over, all_over

    def forward(self, image: Tensor, ignored: Tensor, detail: Tensor) -> tuple[Tensor, ...]:
        """Inspect registered images.

        Args:
            image: (N, h, w, 3) uint8 RGB.
            ignored: (N, h, w) uint8, as in `Frame`.
            detail: (N, 2 h, 2 w) uint8, as in `Frame`.

        Returns:
            scores (N,), in deviations of the worst place of a good part; what of them the parts as a whole have added,
            (N,); anomaly maps (N, h/4, w/4) whose maximum is the score; reconstructions (N, h, w, 3) uint8;
            standardised residuals of SSIM, features and detail (N, h/4, w/4).
        """
        planes = image.permute(0, 3, 1, 2).float() / 255
        seen = self.reconstruct(planes)
        residuals, whole = self.residuals(seen, ignored[:, None], detail[:, None])
        standardised = self.standardise(residuals, ignored[:, None])
        evidence, summaries = self.evidence(standardised, whole)
        score, all_over = self.score(summaries)
        below_peak = (evidence[:, 0] - summaries[:, 0, None, None]) / self.get_buffer("summary_spread")[0]
        anomaly = score[:, None, None] + below_peak
        painted = (seen.painted.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        features = _resize(standardised[FEATURES], evidence.shape[-2:])
        maps = (standardised[SSIM][:, 0], features[:, 0], standardised[DETAILED][:, 0])
        return score, all_over, anomaly, painted, *maps


def detail_level(detail: Tensor) -> Tensor:
    """(N,) what a twentieth of all places exceed, of the detail in deviations, (N, 1, h, w)."""
    places = detail[..., ::EVERY, ::EVERY].flatten(1)
    return places.topk(max(1, int(EDGES * places.shape[1])), dim=1).values.amin(1)


def pixels_kept(ignored: Tensor) -> Tensor:
    """Weights, 1 where pixels are compared, of `ignored` as in `Frame`."""
    return (ignored == 0).float()


def features_kept(ignored: Tensor) -> Tensor:
    """Weights, 1 where features are compared, which they are on print too, of `ignored` as in `Frame`."""
    return (ignored != UNCOMPARED).float()


def places_kept(ignored: Tensor) -> list[Tensor]:
    """(N, 1, h, w) for each of LEVELS: the share of each place that is compared; `ignored` as in `Frame`."""
    kept = [pixels_kept(ignored)] * len(LEVELS)
    kept[FEATURES] = features_kept(ignored)
    return [F.avg_pool2d(pixels, stride) for pixels, stride in zip(kept, LEVELS, strict=True)]


def mean_difference(projected: Tensor, ignored: Tensor) -> Tensor:
    """(N, JOINT): the mean over all that is compared of `Detector.project`; `ignored` as in `Frame`, (N, 1, H, W)."""
    kept = F.avg_pool2d(features_kept(ignored), LEVELS[FEATURES])
    return (projected * kept).sum((2, 3)) / (kept.sum((2, 3)) + 1e-6)


def length_of(vectors: Tensor) -> Tensor:
    """(N,) root of the mean square of (N, k)."""
    return (vectors.square().mean(1) + 1e-6).sqrt()


def _smooth(maps: Tensor) -> Tensor:
    return F.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)


def _resize(maps: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
