"""`results.parquet`: the rows of `results.csv` with types, for tools that read millions of them."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from pipeline.images import write_bytes
from pipeline.rows import Row


def available() -> bool:
    """Whether the package that writes Parquet is installed: the extra `parquet`."""
    return find_spec("pyarrow") is not None


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Write all rows; columns are named as in `results.csv`, texts of one field are lists."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = pa.list_(pa.string())
    kinds = {"codes": texts, "print_findings": texts, "doubts": texts, "code_zones": texts}
    named = ("image", "verdict", "reason", "model")
    columns = [_columns(row) for row in rows]
    schema = pa.schema([(name, kinds.get(name, pa.string() if name in named else pa.float64())) for name in columns[0]])
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(columns, schema=schema), sink, compression="zstd")
    write_bytes(path, sink.getvalue().to_pybytes())


def _columns(row: Row) -> dict[str, object]:
    x, y = row.peak or (None, None)
    found = row.conditions
    return {
        "image": row.image.encode(errors="replace").decode(), "verdict": str(row.verdict), "score": row.score,
        "threshold": row.threshold, "peak_x": x, "peak_y": y, "reason": row.reason.encode(errors="replace").decode(),
        "masked": row.masked, "codes": list(row.codes), "print_findings": list(row.findings), "ms": row.ms,
        "model": row.model, "p_value": row.p_value, "doubts": list(row.doubts),
        "brightness": found and found.brightness, "contrast": found and found.contrast,
        "focus": found and found.focus, "pose": found and found.pose, "size": found and found.size,
        "code_zones": list(row.code_zones),
    }  # fmt: skip
