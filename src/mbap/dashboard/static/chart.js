// The chart: uPlot, told what to draw and in which range of time; pointer, wheel and keys in gestures.js.
import uPlot from "./vendor/uPlot.esm.js";
import { joined } from "./columns.js";
import { gestures } from "./gestures.js";

const TIMES = [
  [365 * 86400, "{YYYY}", null, null, null, null, null, null, 1],
  [28 * 86400, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [0.001, "{HH}:{mm}:{ss}.{fff}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
];

const LABELS = { 1: "", state: "" };
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 1000, 10000, 65536];

/** Colours are taken in this order; a dash tells the later ones apart without colour. */
export const PALETTE = Array.from({ length: 8 }, (_, index) => `--s${index + 1}`);
export const DASHES = [[], [8, 4], [2, 3]];

export function colour(index) {
  return getComputedStyle(document.documentElement).getPropertyValue(PALETTE[index % PALETTE.length]).trim();
}

export class Chart {
  /** *on*: `range(range)`, `zoom(factor, time)`, `cursor(0 to 1 across, or null)`, `now()`. */
  constructor(element, on) {
    this.element = element;
    this.on = on;
    this.range = { from: 0, to: 1 };
    this.points = [];
    this.shape = "";
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(element);
    this.theme = new MutationObserver(() => this.rebuild());
    this.theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  destroy() {
    this.resizer.disconnect();
    this.theme.disconnect();
    this.forget?.();
    this.plot?.destroy();
  }

  /** Draw *lines* of *points* in *range*. */
  draw(lines, points, range) {
    this.range = range;
    this.lines = lines;
    this.points = points;
    const shape = points.map((point) => point.id).join(",");
    if (shape !== this.shape || !this.plot) {
      this.shape = shape;
      this.rebuild();
      return;
    }
    this.plot.setData(joined(lines, uPlot.join), false);
    this.plot.setScale("x", { min: range.from / 1000, max: range.to / 1000 });
  }

  rebuild() {
    if (!this.lines) return;
    this.forget?.();
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), joined(this.lines, uPlot.join), this.element);
    this.plot.setScale("x", { min: this.range.from / 1000, max: this.range.to / 1000 });
    this.forget = gestures(this.plot, () => this.range, this.on);
  }

  resize() {
    const { width, height } = this.size();
    if (this.plot && width > 0) this.plot.setSize({ width, height });
  }

  size() {
    return { width: this.element.clientWidth, height: this.element.clientHeight };
  }

  options() {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--muted").trim();
    const grid = { stroke: style.getPropertyValue("--grid").trim(), width: 1 };
    const scales = [...new Set(this.points.map(scaleOf))];
    return {
      ...this.size(),
      padding: [12, scales.length > 1 ? 4 : 14, 0, 4],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false }, focus: { prox: -1 } },
      scales: { x: { time: true, auto: false }, ...each(scales, { auto: true, range: padded }) },
      axes: [
        { stroke: ink, grid, ticks: grid, font: font(12), values: TIMES, space: 76 },
        ...scales.map((one, index) => this.axis(one, index, ink, grid)),
      ],
      series: [{}, ...this.points.flatMap((point, index) => threeSeries(point, index))],
      bands: this.points.map(band),
      hooks: { setCursor: [(plot) => this.moved(plot)] },
    };
  }

  /** The axis of one engineering unit; it has its line's colour when only one line belongs to it. */
  axis(scale, index, ink, grid) {
    const narrow = this.element.clientWidth < 560;
    const members = this.points.filter((point) => scaleOf(point) === scale);
    const only = members.length === 1 ? members[0] : null;
    return {
      scale,
      side: index === 0 ? 3 : index % 2 === 1 ? 1 : 3,
      show: !narrow || index < 2,
      stroke: only ? colour(this.points.indexOf(only)) : ink,
      grid: index === 0 ? grid : { show: false },
      ticks: grid,
      font: font(12),
      size: scale === "state" && only ? 78 : narrow ? 46 : 56,
      label: LABELS[scale] ?? scale,
      labelFont: font(12),
      labelSize: 18,
      ...(scale === "state" ? { incrs: WHOLE } : {}),
      values: (_plot, splits, _axis, _space, step) =>
        splits.map((split) => (scale === "state" ? named(split, only) : tick(split, step))),
    };
  }

  moved(plot) {
    const left = plot.cursor.left;
    this.on.cursor(left === undefined || left < 0 ? null : left / plot.over.clientWidth);
  }
}

function each(names, value) {
  return Object.fromEntries(names.map((name) => [name, value]));
}

/** From low to high; a state's band would cover everything. */
function band(point, index) {
  const opacity = scaleOf(point) === "state" ? "14" : "33";
  return { series: [index * 3 + 3, index * 3 + 1], fill: colour(index) + opacity };
}

function font(size) {
  return `${size}px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif`;
}

/** Points of one engineering unit share an axis; what is counted in states has its own. */
export function scaleOf(point) {
  return isStepped(point) ? "state" : point.unit || "1";
}

function isStepped(point) {
  return point.kind === "state" || point.kind === "bits" || point.type === "bool";
}

function padded(_plot, low, high) {
  if (low === null || low === undefined) return [0, 1];
  const height = high - low || Math.abs(high) * 0.02 || 1;
  return [low - height * 0.08, high + height * 0.08];
}

function named(value, point) {
  const states = point?.type === "bool" ? { 0: "off", 1: "on", ...point.states } : (point?.states ?? {});
  return Number.isInteger(value) && value >= 0 ? (states[value] ?? String(value)).slice(0, 10) : "";
}

function tick(value, step) {
  if (value === null) return "";
  const decimals = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  return value.toFixed(decimals).replace("-", "\u2212").replace(/\B(?=(\d{3})+(?!\d)(?<!\.\d*))/g, "\u202f");
}

/** The low and high edges of the band, and the line of the mean between them. */
function threeSeries(point, index) {
  const scale = scaleOf(point);
  const stroke = colour(index);
  const dash = DASHES[Math.floor(index / PALETTE.length) % DASHES.length];
  const paths = isStepped(point) ? uPlot.paths.stepped({ align: 1 }) : undefined;
  const edge = { scale, stroke: "transparent", width: 0, points: { show: false }, paths };
  return [edge, { scale, stroke, dash, width: 1.6, points: { show: false }, paths }, edge];
}
