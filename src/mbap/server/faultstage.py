"""Carries out faults on one connection: between what the server answers and its socket."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mbap.server.admission import WhenFull
from mbap.server.distortion import Step, steps
from mbap.server.faults import SILENCE, Fault, Faults

MOST_WAITING = 4096
"""So many steps may wait to be done; a further answer is left out and counted in `Faults.besides`."""
_COUNTED: Mapping[WhenFull, str] = {"refuse": "refused", "drop": "dropped", "mute": "mute"}


class _Timer(Protocol):
    def cancel(self) -> None: ...


class Line(Protocol):
    """What the stage needs of a connection."""

    def transmit(self, data: bytes) -> None:
        """Send *data* now, unless the connection is ending."""
        ...

    def close(self, *, reset: bool = False) -> None:
        """End the connection."""
        ...


Later = Callable[[float, Callable[[], None]], _Timer]
"""Calls something after so many seconds, as an event loop's `call_later` does."""


class FaultyDevice:
    """What the stages of all connections of one server share: which are open, the oldest first."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._open: list[FaultStage] = []

    def connect(self, line: Line, later: Later, *, numbered: bool) -> FaultStage | None:
        """The stage for a new connection; None when the device does not take it, which is to be reset."""
        if self.faults.rebooting:
            self.faults.besides["refused"] += 1
            return None
        stage = FaultStage(self, line, later, numbered=numbered)
        admission = self.faults.admission
        if admission is not None and sum(not stage.mute for stage in self._open) >= admission.most:
            self.faults.besides[_COUNTED[admission.when_full]] += 1
            if admission.when_full == "refuse":
                return None
            if admission.when_full == "drop":
                self._open[0].end(reset=False)
            stage.mute = admission.when_full == "mute"
        self._open.append(stage)
        return stage

    def reboot(self) -> None:
        """Reset every connection."""
        for stage in list(self._open):
            stage.end(reset=True)

    def forget(self, stage: FaultStage) -> None:
        """The connection of *stage* has ended."""
        if stage in self._open:
            self._open.remove(stage)


class FaultStage:
    """The stage of one connection.

    Attributes:
        mute: nothing is ever answered on it.
    """

    def __init__(self, device: FaultyDevice, line: Line, later: Later, *, numbered: bool) -> None:
        self.mute = False
        self._device = device
        self._line = line
        self._later = later
        self._numbered = numbered
        self._waiting: deque[Step] = deque()
        self._held: bytes | None = None
        self._timers: dict[str, _Timer] = {}

    def judge(self, unit: int) -> Fault | None:
        """The fault for a request to *unit*; None: carry it out as usual."""
        if self.mute:
            return SILENCE
        fault = self._device.faults.judge(unit)
        if fault is not None and fault.kind == "reboot":
            self._device.reboot()
        return fault

    def send(self, frames: Sequence[bytes]) -> None:
        """Send *frames*, each as its fault says."""
        for frame in frames:
            self._take(frame)
        self._work()

    def end(self, *, reset: bool) -> None:
        """End the connection from here."""
        self.ended()
        self._line.close(reset=reset)

    def ended(self) -> None:
        """The connection has ended: nothing more goes out."""
        self._device.forget(self)
        self._waiting.clear()
        self._held = None
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _take(self, frame: bytes) -> None:
        fault = self._device.faults.judge_answer(self._unit(frame))
        if fault is not None and fault.kind == "reorder" and self._held is None:
            self._held = frame
            self._timers["held"] = self._later(fault.delay, self._release)
            return
        planned = [Step(0.0, frame)] if fault is None else steps(fault, frame, numbered=self._numbered)
        if len(self._waiting) + len(planned) > MOST_WAITING:
            self._device.faults.besides["overflowed"] += 1
            return
        self._waiting.extend(planned)
        if self._held is not None:
            self._release()

    def _release(self) -> None:
        """What was held back goes out behind what waits already."""
        self._timers.pop("held").cancel()
        held, self._held = self._held, None
        if held is not None:
            self._waiting.append(Step(0.0, held))
            self._work()

    def _work(self) -> None:
        """Do what need not wait, together; set a timer for the next step that must."""
        ready = bytearray()
        while self._waiting and "step" not in self._timers:
            step = self._waiting[0]
            if step.pause:
                self._waiting[0] = step._replace(pause=0.0)
                self._timers["step"] = self._later(step.pause, self._go_on)
                break
            self._waiting.popleft()
            ready += step.data
            if step.end:
                self._line.transmit(bytes(ready))
                self.end(reset=step.end == "reset")
                return
        if ready:
            self._line.transmit(bytes(ready))

    def _go_on(self) -> None:
        del self._timers["step"]
        self._work()

    def _unit(self, frame: bytes) -> int:
        if self._numbered:
            return frame[6]
        return int(frame[1:3], 16) if frame.startswith(b":") else frame[0]
