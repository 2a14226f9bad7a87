// The data of a trend: what history gave, what came in live since, and when to ask again.
import { get } from "./api.js";
import { lines, withTail } from "./columns.js";
import { covers, spanOf, widened } from "./range.js";

const KEPT_TAIL = 5000; // live values of one series; older ones come back with the next answer of history
const SOON = 120;

/** Event `change`: something to draw anew. */
export class TrendData extends EventTarget {
  constructor(model) {
    super();
    this.model = model;
    this.ids = [];
    this.range = { from: 0, to: 1 };
    this.width = 600;
    this.lines = new Map();
    this.tails = new Map();
    this.have = null;
    this.loading = false;
    this.error = null;
    this.onValues = (event) => this.takeValues(event.detail);
    model.addEventListener("values", this.onValues);
    this.clock = setInterval(() => this.refresh(), 1000);
  }

  close() {
    this.model.removeEventListener("values", this.onValues);
    clearInterval(this.clock);
    clearTimeout(this.timer);
    this.request?.abort();
  }

  show(ids, range, width) {
    const added = ids.some((id) => !this.ids.includes(id));
    Object.assign(this, { ids, range, width: Math.max(200, width) });
    for (const id of [...this.tails.keys()]) if (!ids.includes(id)) this.tails.delete(id);
    for (const id of ids) if (!this.tails.has(id)) this.tails.set(id, []);
    if (ids.length && (added || !covers(this.have, range, this.have?.at))) this.ask(added ? 0 : SOON);
  }

  /** The lines to draw, in the order of *ids*. */
  shown(ids) {
    return ids.map((id) => {
      const period = this.period(id);
      const line = this.lines.get(id) ?? { id, step: 0, times: [], low: [], mean: [], high: [], bad: 0 };
      return withTail(line, this.tails.get(id) ?? [], period);
    });
  }

  /** The time of the first value that is known; -Infinity while nothing is. */
  first() {
    const times = [...this.lines.values()].flatMap((line) => line.times.slice(0, 1));
    return times.length && this.have ? Math.min(...times) : -Infinity;
  }

  period(id) {
    return this.model.point(id)?.periodMs ?? 1000;
  }

  /** Milliseconds in one row, by the coarsest series. */
  step() {
    return Math.max(0, ...this.ids.map((id) => this.lines.get(id)?.step ?? 0));
  }

  takeValues(blocks) {
    let changed = false;
    for (const [time, numbers, values] of blocks) {
      numbers.forEach((number, index) => {
        const tail = this.tails.get(this.model.points[number]?.id);
        if (!tail) return;
        const value = values[index];
        tail.push([time / 1000, typeof value === "boolean" ? Number(value) : typeof value === "number" ? value : null]);
        if (tail.length > KEPT_TAIL) tail.splice(0, tail.length - KEPT_TAIL);
        changed = true;
      });
    }
    if (changed && this.range.to >= this.model.now() - 5000) this.changed();
  }

  /** At the live edge history is read again: rows fill up, and the tail must not grow without end. */
  refresh() {
    if (!this.have || this.loading || document.hidden || this.range.to < this.have.at) return;
    const due = this.step() ? Math.min(60e3, Math.max(5e3, this.step() / 2)) : 30e3;
    if (this.model.now() - this.have.at > due) this.ask(0);
  }

  ask(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), wait);
  }

  async load() {
    if (!this.model.site.history || this.ids.length === 0) return;
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    this.loading = true;
    const at = this.model.now();
    const asked = widened(this.range, at);
    const steps = Math.round(Math.min(4000, (this.width / 1.5) * (spanOf(asked) / spanOf(this.range))));
    try {
      const answer = await get("history", this.query(asked, steps), request.signal);
      this.take(answer.series, { ...asked, at });
    } catch (error) {
      if (error.name === "AbortError") return;
      this.failed(error);
    }
    if (this.request === request) this.loading = false;
    this.changed();
  }

  query(range, steps) {
    return { series: this.ids.join(","), from: Math.round(range.from * 1000), to: Math.round(range.to * 1000), steps };
  }

  take(series, have) {
    this.error = null;
    this.have = have;
    this.lines = new Map(series.map((one) => [one.id, lines(one, this.period(one.id), have.at)]));
    for (const [id, tail] of this.tails) {
      const last = this.lines.get(id)?.times.at(-1) ?? -Infinity;
      this.tails.set(id, tail.filter(([time]) => time > last));
    }
  }

  failed(error) {
    this.error = error.status === undefined ? "The server does not answer." : error.message;
    this.have = { ...this.range, at: this.model.now() - 25e3 };
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}
