"""``--log tensorboard``: every number of the log as a curve over the generations."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from deapnets.errors import OptionError
from deapnets.loggers.base import Logger, scalars

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
"""In the run's directory; ``tensorboard --logdir runs`` shows the runs beside each other."""


@final
class TensorBoard(Logger):
    """Curves for TensorBoard, in the folder ``tensorboard`` of the run.

    The event files are written anew from ``log.jsonl`` when a run is resumed: the curves go on,
    without a gap and without what came after the snapshot.

    Raises
    ------
    OptionError
        When the package tensorboard is not installed.
    """

    def __init__(self) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise OptionError(
                "--log tensorboard needs the package tensorboard: "
                'pip install "deapnets[tensorboard]"'
            )
        self._writer: SummaryWriter | None = None

    def begin(
        self,
        directory: Path,
        configuration: Mapping[str, Any],
        history: Iterable[Mapping[str, Any]],
    ) -> None:
        """Write the configuration as text, and the records so far."""
        from torch.utils.tensorboard import SummaryWriter

        folder = directory / FOLDER
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        # Whoever has read the old files forgets them at the mark that purge_step leaves.
        self._writer = SummaryWriter(str(folder), purge_step=0)
        text = json.dumps(configuration, indent=2, default=str)
        self._writer.add_text("configuration", f"```json\n{text}\n```")
        for record in history:
            self.log(record)
        self._writer.flush()

    def log(self, record: Mapping[str, Any]) -> None:
        """Add a point to each curve."""
        if self._writer is None:
            return
        step = record["generation"]
        for name, value in scalars(record).items():
            if name != "generation":
                self._writer.add_scalar(name, value, step)

    def end(self, result: Mapping[str, Any]) -> None:
        """Add what was measured at the end, under ``result/``, and close the file."""
        if self._writer is None:
            return
        for name, value in scalars(result.get("metrics", {})).items():
            self._writer.add_scalar(f"result/{name}", value, result["generations"])
        self._writer.close()
        self._writer = None
