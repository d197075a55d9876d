"""Variable print: where it is on a part, which pixels it covers, and whether it is as it should be."""

from pipeline.config import ZoneKind
from pipeline.print.codes import Code, read_codes
from pipeline.print.draw import MaskSteps, mask_pictures, zones_picture
from pipeline.print.findings import Limits
from pipeline.print.sheet import LabelPose
from pipeline.print.stage import PrintMask, PrintStage
from pipeline.print.teach import teach
from pipeline.print.zones import PrintZone, ZoneLearner

__all__ = [
    "Code",
    "LabelPose",
    "Limits",
    "MaskSteps",
    "PrintMask",
    "PrintStage",
    "PrintZone",
    "ZoneKind",
    "ZoneLearner",
    "mask_pictures",
    "read_codes",
    "teach",
    "zones_picture",
]
