// A small line without axes: the recent course of one series.
import { html } from "./ui.js";

const WIDTH = 120;
const HEIGHT = 28;
const PAD = 2;

/** The SVG path of *values* (null is a gap) over equal steps, and the range it shows. */
export function sparkPath(times, values, start, end, floor = null) {
  const present = values.filter((value) => value !== null && value !== undefined);
  if (present.length === 0) return { path: "", low: null, high: null };
  const low = Math.min(...present, floor ?? Infinity);
  const high = Math.max(...present, floor ?? -Infinity);
  const height = high - low || Math.abs(high) || 1;
  const x = (time) => ((time - start) / (end - start)) * WIDTH;
  const y = (value) => HEIGHT - PAD - ((value - (high === low ? low - height / 2 : low)) / height) * (HEIGHT - 2 * PAD);
  let pen = "M";
  let path = "";
  times.forEach((time, index) => {
    if (values[index] === null || values[index] === undefined) {
      pen = "M";
      return;
    }
    path += `${pen}${x(time).toFixed(1)} ${y(values[index]).toFixed(1)}`;
    pen = "L";
  });
  return { path, low: Math.min(...present), high: Math.max(...present) };
}

/** *trend* (`times` and `mean` in ms) as a line; *label* is what a screen reader hears. */
export function Sparkline({ trend, start, end, label, floor = null }) {
  const { path } = trend ? sparkPath(trend.times, trend.mean, start, end, floor) : { path: "" };
  return html`
    <svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
      <path d=${path || "M0 0"} vector-effect="non-scaling-stroke" />
    </svg>`;
}
