"""The whole network as it inspects: features, reconstruction, residuals, anomaly map. Exported as one ONNX graph."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.autoencoder import Autoencoder
from models.averages import Averages, Seen
from models.backbone import CHANNELS, Backbone
from models.detail import DetailHead
from models.distance import Distance, mean_difference
from models.evidence import Residuals
from models.levels import DETAILED, FEATURES, SSIM, pixels_kept, resize, smooth
from models.scoring import Scoring
from models.segmenter import Segmenter
from models.ssim import dissimilarity
from models.texture import Texture
from models.variants import nearest, picture_of


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

    Everything that was learned from good parts after the training is a buffer: here the standardisation of features and
    the variants, the rest in the modules that use it.

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
        self.register_buffer("variants", torch.zeros(1, 1) if variants is None else variants.clone())
        kinds = 1 if variants is None else len(variants)
        self.detail = DetailHead(size, kinds)
        self.distance = Distance(size, kinds)
        self.averages = Averages(size, kinds)
        self.texture = Texture(size, kinds)
        self.scoring = Scoring(size)
        for level, channels in enumerate(CHANNELS):
            self.register_buffer(f"feature_mean_{level}", torch.zeros(1, channels, 1, 1))
            self.register_buffer(f"feature_scale_{level}", torch.ones(1, channels, 1, 1))
        self.to(memory_format=torch.channels_last)  # twice as fast on a CPU

    def features(self, image: Tensor) -> list[Tensor]:
        """Standardised features of (N, 3, H, W) images in 0..1, at strides 4, 8 and 16."""
        return [
            (found - self.get_buffer(f"feature_mean_{level}")) * self.get_buffer(f"feature_scale_{level}")
            for level, found in enumerate(self.backbone(image))
        ]

    def variant(self, image: Tensor) -> Tensor:
        """(N,) the number of the variant that each of (N, 3, H, W) images looks most like."""
        return nearest(picture_of(image), self.get_buffer("variants"))

    def reconstruct(self, image: Tensor) -> Reconstruction:
        """Reconstruct (N, 3, H, W) images in 0..1."""
        features = self.features(image)
        expected, painted = self.autoencoder(features)
        return Reconstruction(features, expected, image, painted)

    def segment(self, seen: Reconstruction, kept: Tensor) -> Tensor:
        """Logits of a fault, (N, 1, H/4, W/4); `kept` is (N, 1, H, W), 1 where pixels are compared."""
        found: Tensor = self.segmenter(seen.differences, (seen.image - seen.painted) * kept)
        return found

    def shown(self, image: Tensor, ignored: Tensor, detail: Tensor) -> Seen:
        """What averages are made of, of (N, 3, H, W) images in 0..1; `ignored` and `detail` as in `residuals`."""
        variant = self.variant(image)
        return Seen(image, ignored, self.detail.deviations(detail.float(), pixels_kept(ignored), variant), variant)

    def residuals(self, seen: Reconstruction, ignored: Tensor, detail: Tensor) -> Residuals:
        """Raw residuals; of the levels distances, dissimilarity, logits, logits, distances.

        Args:
            seen: images and their reconstruction.
            ignored: (N, 1, H, W) uint8, as in `Frame`.
            detail: (N, 1, 2 H, 2 W) uint8, as in `Frame`.
        """
        kept, shown = pixels_kept(ignored), self.shown(seen.image, ignored, detail)
        projected = self.distance.project(seen.differences)
        structure = smooth(dissimilarity(seen.image, seen.painted, kept))
        distance, logits = self.distance(projected, shown.variant), self.segment(seen, kept)
        whole = self.distance.whole(mean_difference(projected, ignored), shown.variant)
        texture = self.texture(self.texture.features(self.backbone, detail), shown.variant)
        levels = [distance, structure, logits, self.detail(shown.off), texture]
        return Residuals(levels, self.averages(shown), whole)

    def forward(self, image: Tensor, ignored: Tensor, detail: Tensor) -> tuple[Tensor, ...]:
        """Inspect registered images.

        Args:
            image: (N, h, w, 3) uint8 RGB.
            ignored: (N, h, w) uint8, as in `Frame`.
            detail: (N, 2 h, 2 w) uint8, as in `Frame`.

        Returns:
            scores (N,), in deviations of the worst place of a good part; what of them the parts as a whole have added,
            (N,); anomaly maps (N, h/4, w/4) whose maximum is the score; reconstructions (N, h, w, 3) uint8;
            standardised residuals of SSIM, of features or texture, whichever is farther off, and what stands out of the
            detail, by itself or in averages, (N, h/4, w/4).
        """
        seen = self.reconstruct(image.permute(0, 3, 1, 2).float() / 255)
        residuals = self.residuals(seen, ignored[:, None], detail[:, None])
        standardised = self.scoring.standardise(residuals.levels, ignored[:, None])
        evidence = self.scoring.evidence(standardised)
        averages = self.scoring.joined(residuals.averages)
        scores = self.scoring.score(self.scoring.summarise(evidence, averages, residuals.whole))
        anomaly = self.scoring.spread_out(evidence, averages, scores)
        painted = (seen.painted.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        features = torch.maximum(resize(standardised[FEATURES], evidence.texture.shape[-2:]), evidence.texture)
        detailed = torch.maximum(standardised[DETAILED][:, 0], averages.amax(1))
        maps = (standardised[SSIM][:, 0], features[:, 0], detailed)
        return scores.highest, scores.all_over, anomaly, painted, *maps
