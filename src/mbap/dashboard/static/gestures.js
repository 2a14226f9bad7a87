// Pan and zoom: drag, shift and drag, wheel, double click, one finger, two fingers, keys.
import { movedTo, spanOf, zoomed } from "./range.js";

const WHEEL = 0.0016;

/** Listen on *plot*; *range()* is what it shows now, *on.range(range)* is told what it shall show. */
export function gestures(plot, range, on) {
  const gesture = new Gesture(plot, range, on);
  const area = plot.over;
  const ends = new AbortController();
  const options = { signal: ends.signal };
  area.addEventListener("pointerdown", (event) => gesture.down(event), options);
  area.addEventListener("pointermove", (event) => gesture.move(event), options);
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    area.addEventListener(name, (event) => gesture.up(event), options);
  }
  area.addEventListener("wheel", (event) => gesture.wheel(event), { ...options, passive: false });
  area.addEventListener("dblclick", (event) => gesture.double(event), options);
  return () => ends.abort();
}

class Gesture {
  constructor(plot, range, on) {
    Object.assign(this, { plot, range, on, pointers: new Map(), start: null, selecting: false });
  }

  down(event) {
    if (event.button !== 0) return;
    this.plot.over.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event.clientX);
    this.selecting = event.shiftKey && this.pointers.size === 1;
    this.begin();
  }

  /** What later moves are measured against. */
  begin() {
    this.start = { range: this.range(), xs: [...this.pointers.values()] };
  }

  move(event) {
    if (!this.pointers.has(event.pointerId)) return;
    this.pointers.set(event.pointerId, event.clientX);
    if (this.selecting) this.select();
    else if (this.pointers.size === 1) this.pan();
    else if (this.pointers.size === 2) this.pinch();
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.selecting) this.finishSelecting(event);
    this.selecting = false;
    this.begin();
  }

  pan() {
    const [x] = this.pointers.values();
    const moved = (this.start.xs[0] - x) / this.width();
    if (moved === 0) return;
    this.on.range(movedTo(this.start.range, this.start.range.from + moved * spanOf(this.start.range), this.on.now()));
  }

  pinch() {
    const apart = ([a, b]) => Math.max(24, Math.abs(a - b));
    const xs = [...this.pointers.values()];
    const middle = (xs[0] + xs[1]) / 2;
    const at = this.timeAt((this.start.xs[0] + this.start.xs[1]) / 2, this.start.range);
    const closer = zoomed(this.start.range, apart(this.start.xs) / apart(xs), at);
    const part = (middle - this.left()) / this.width();
    this.on.range(movedTo(closer, at - part * spanOf(closer), this.on.now()));
  }

  select() {
    const [x] = this.pointers.values();
    const [from, to] = [this.start.xs[0], x].sort((a, b) => a - b).map((one) => one - this.left());
    this.plot.setSelect({ left: from, width: to - from, top: 0, height: this.plot.over.clientHeight }, false);
  }

  finishSelecting(event) {
    const range = this.start.range;
    const [from, to] = [this.start.xs[0], event.clientX].sort((a, b) => a - b).map((x) => this.timeAt(x, range));
    this.plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    if (to - from > spanOf(range) / 200) this.on.range({ from, to });
  }

  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
      const moved = ((event.deltaX || event.deltaY) * unit) / this.width();
      this.on.range(movedTo(this.range(), this.range().from + moved * spanOf(this.range()), this.on.now()));
      return;
    }
    const turn = Math.max(-240, Math.min(240, event.deltaY * unit));
    this.on.zoom(Math.exp(turn * WHEEL), this.timeAt(event.clientX, this.range()));
  }

  double(event) {
    this.on.zoom(0.5, this.timeAt(event.clientX, this.range()));
  }

  timeAt(x, range) {
    return range.from + ((x - this.left()) / this.width()) * spanOf(range);
  }

  left() {
    return this.plot.over.getBoundingClientRect().left;
  }

  width() {
    return this.plot.over.clientWidth || 1;
  }
}
