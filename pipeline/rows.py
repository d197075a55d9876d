"""One row of results: what is said about one image, as it goes into `results.csv` and comes back."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from pipeline.inspector import Inspection
from pipeline.quality import Conditions
from pipeline.verdict import Verdict

COLUMNS = (
    "image",
    "verdict",
    "score",
    "threshold",
    "peak_x",
    "peak_y",
    "reason",
    "masked",
    "codes",
    "print_findings",
    "ms",
    "model",
    "p_value",
    "doubts",
    "brightness",
    "contrast",
    "focus",
    "pose",
    "size",
    "code_zones",
)


@dataclass(frozen=True)
class Row:
    """What `results.csv` says about one image.

    Attributes:
        image: Path relative to the inspected folder, with `/` between its parts.
        verdict: OK, NG, REVIEW or ERROR.
        score: Higher is more anomalous; None for ERROR, and wherever no score could be computed.
        threshold: Scores above it are not OK.
        peak: Where the anomaly is strongest, (x, y) in pixels of the original image.
        reason: Why, in words.
        masked: Share 0..1 of the part's pixels that the print mask kept out of the comparison.
        codes: The decoded text of each code.
        findings: What is wrong with the print itself, in words.
        ms: Time for this image, in milliseconds.
        model: The id of the model that judged.
        p_value: Chance that a good part scores as high; None where there is no score.
        doubts: Why the image could not be judged safely, in words.
        conditions: How the image was taken; None for ERROR.
        code_zones: The print zone that each of `codes` lies in.
    """

    image: str
    verdict: Verdict
    score: float | None
    threshold: float
    peak: tuple[float, float] | None
    reason: str
    masked: float
    codes: tuple[str, ...]
    findings: tuple[str, ...]
    ms: float
    model: str
    p_value: float | None = None
    doubts: tuple[str, ...] = ()
    conditions: Conditions | None = None
    code_zones: tuple[str, ...] = ()

    @classmethod
    def of(cls, image: str, inspection: Inspection, model: str) -> Self:
        """Keep of an inspection what a row holds; codes that could not be decoded have no text to keep."""
        score = inspection.score
        decoded = [code for code in inspection.codes if code.text]
        return cls(
            image=image,
            verdict=inspection.verdict,
            score=score if score is not None and math.isfinite(score) else None,
            threshold=inspection.threshold,
            peak=inspection.peak,
            reason=inspection.reason,
            masked=inspection.masked,
            codes=tuple(code.text for code in decoded),
            findings=inspection.findings,
            ms=inspection.ms,
            model=model,
            p_value=inspection.p_value,
            doubts=inspection.doubts,
            conditions=inspection.conditions,
            code_zones=tuple(code.zone for code in decoded),
        )

    def to_csv(self) -> list[str]:
        """Format as the fields of one line, in the order of `COLUMNS`."""
        x, y = (f"{value:.1f}" for value in self.peak) if self.peak else ("", "")
        return [
            self.image,
            self.verdict,
            "" if self.score is None else f"{self.score:.6g}",
            f"{self.threshold:.6g}",
            x,
            y,
            self.reason,
            f"{self.masked:.4f}",
            join_texts(self.codes),
            join_texts(self.findings),
            f"{self.ms:.1f}",
            self.model,
            "" if self.p_value is None else f"{self.p_value:.4g}",
            join_texts(self.doubts),
            *self._conditions(),
            join_texts(self.code_zones),
        ]

    def _conditions(self) -> list[str]:
        found = self.conditions
        values = (found.brightness, found.contrast, found.focus, found.pose, found.size) if found else ()
        return [f"{value:.6g}" for value in values] or [""] * 5

    @classmethod
    def from_csv(cls, fields: list[str]) -> Self:
        """Read back what `to_csv` wrote, rounded as it was written. Raises ValueError for anything else."""
        row = dict(zip(COLUMNS, fields, strict=True))
        return cls(
            image=row["image"],
            verdict=Verdict(row["verdict"]),
            score=float(row["score"]) if row["score"] else None,
            threshold=float(row["threshold"]),
            peak=(float(row["peak_x"]), float(row["peak_y"])) if row["peak_x"] else None,
            reason=row["reason"],
            masked=float(row["masked"]),
            codes=split_texts(row["codes"]),
            findings=split_texts(row["print_findings"]),
            ms=float(row["ms"]),
            model=row["model"],
            p_value=float(row["p_value"]) if row["p_value"] else None,
            doubts=split_texts(row["doubts"]),
            conditions=_read_conditions(row),
            code_zones=split_texts(row["code_zones"]),
        )


def _read_conditions(row: dict[str, str]) -> Conditions | None:
    if not row["brightness"]:
        return None
    names = ("brightness", "contrast", "focus", "pose", "size", "masked")
    return Conditions(**{name: float(row[name]) for name in names})


def join_texts(texts: Iterable[str]) -> str:
    r"""Join with `|`; inside a text, `|` becomes `\|` and a backslash is doubled.

    >>> join_texts(["A1", "x|y"])
    'A1|x\\|y'
    """
    return "|".join(text.replace("\\", "\\\\").replace("|", "\\|") for text in texts)


def split_texts(joined: str) -> tuple[str, ...]:
    """Undo `join_texts`.

    >>> split_texts("A1|B2")
    ('A1', 'B2')
    """
    if not joined:
        return ()
    texts, escaped = [""], False
    for char in joined:
        if char == "|" and not escaped:
            texts.append("")
        elif char != "\\" or escaped:
            texts[-1] += char
        escaped = char == "\\" and not escaped
    return tuple(texts)


def severity(row: Row) -> tuple[int, float]:
    """Sort key that puts first what a person should look at first."""
    order = [Verdict.NG, Verdict.REVIEW, Verdict.ERROR, Verdict.OK]
    return order.index(row.verdict), -(row.score or 0.0)


def summary(rows: Sequence[Row]) -> str:
    """How many images got which verdict, and the time one took, in one line."""
    counts = Counter(row.verdict for row in rows)
    shares = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
    ms = sorted(row.ms for row in rows)[len(rows) // 2]
    return f"{len(rows)} images: {shares}; {ms:.0f} ms an image"
