import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ablation import TRUE, Ablation, Outcome, markdown, on_label
from pipeline.exceptions import UsageError
from pipeline.images import find_images, read_image, write_image
from pipeline.inspector import Inspector


@pytest.fixture(scope="module")
def outcomes(model: Path, dataset: Path) -> dict[str, Outcome]:
    return Ablation(model, dataset).outcomes()


def test_the_models_own_mask_gives_the_models_scores(outcomes: dict[str, Outcome], model: Path, dataset: Path) -> None:
    inspector = Inspector.load(model)
    good = [inspector.inspect_file(path) for path in find_images(dataset / "test" / "good")]
    scores = [found.score for found in good if not found.findings]
    kept = outcomes["this mask"].scores["good"][[not found.findings for found in good]]
    np.testing.assert_allclose(kept, np.array(scores, float), atol=1e-2)


def test_every_mask_is_another_and_without_truth_there_is_no_true_one(outcomes: dict[str, Outcome]) -> None:
    shares = {name: outcome.masked for name, outcome in outcomes.items()}
    assert TRUE not in shares
    assert 0 == shares["no mask"] < shares["this mask"] < shares["rectangles"]


def test_with_truth_there_is_one(model: Path, dataset: Path, tmp_path: Path) -> None:
    known = Path(shutil.copytree(dataset, tmp_path / "covers"))
    for path in find_images(dataset):
        write_image(known / "print" / path.relative_to(dataset), np.zeros_like(read_image(path, max_megapixels=1)))
    found = Ablation(model, known).outcomes()
    assert found[TRUE].masked == 0
    np.testing.assert_allclose(found[TRUE].scores["good"], found["no mask"].scores["good"])


def test_the_table_is_markdown_with_a_column_a_class(outcomes: dict[str, Outcome]) -> None:
    head, rule, *rows = markdown(outcomes, on_label(outcomes["no mask"].scores))
    assert head == "| mask | good part masked | AUROC | recall | on the label | label_missing |"
    assert len(rows) == 3
    assert {line.count("|") for line in (head, rule, *rows)} == {7}
    with pytest.raises(UsageError, match="no test images of class dirt; there are good, label_missing"):
        list(markdown(outcomes, ["dirt"]))
