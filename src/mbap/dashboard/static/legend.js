// Under the chart: which line is which, its value under the cursor or now, and what it was in the shown range.
import { PALETTE, colour, scaleOf } from "./chart.js";
import { nearest, summary } from "./columns.js";
import { moment, number, title, valueOf } from "./format.js";
import { Icon, html } from "./ui.js";

export function Legend({ lines, points, range, cursor, remove }) {
  return html`
    <div class="table-frame legend-frame">
      <table class="legend">
        <caption class="hidden-text">The lines of the chart</caption>
        <thead>
          <tr>
            <th scope="col">Point</th>
            <th scope="col" class="right">${cursor === null ? "Newest" : `At ${moment(cursor).slice(5)}`}</th>
            <th scope="col" class="right c-wide">Low</th>
            <th scope="col" class="right c-wide">Mean</th>
            <th scope="col" class="right c-wide">High</th>
            <th scope="col"><span class="hidden-text">Remove</span></th>
          </tr>
        </thead>
        <tbody>
          ${points.map((point, index) => html`
            <${Line} key=${point.id} point=${point} line=${lines[index]} range=${range} cursor=${cursor}
              index=${index} remove=${remove} />`)}
        </tbody>
      </table>
    </div>`;
}

function Line({ point, line, range, cursor, index, remove }) {
  const whole = summary(line, range.from, range.to);
  const row = nearest(line, cursor ?? newestTime(line), point.periodMs);
  const counted = scaleOf(point) !== "state";
  const cell = (value) => html`<td class="right c-wide">${counted && value !== undefined ? number(value) : "–"}</td>`;
  return html`
    <tr>
      <th scope="row">
        <span class="legend-name">
          <${Swatch} index=${index} />
          <span class="legend-words">
            <span>${title(point)}</span> <span class="muted">${point.device.title}</span>
          </span>
        </span>
      </th>
      <td class="right"><${Shown} point=${point} row=${row} /></td>
      ${cell(whole?.low)}${cell(whole?.mean)}${cell(whole?.high)}
      <td class="legend-remove">
        <button class="button quiet square" type="button" aria-label="Remove ${point.id}" title="Remove"
          onClick=${() => remove(point.id)}>
          <${Icon} name="close" />
        </button>
      </td>
    </tr>`;
}

function Swatch({ index }) {
  const style = { stroke: colour(index), strokeDasharray: index >= PALETTE.length ? "5 3" : "none" };
  return html`<svg class="swatch" viewBox="0 0 20 10" aria-hidden="true"><path d="M1 5h18" style=${style} /></svg>`;
}

function newestTime(line) {
  return line.times.at(-1) ?? 0;
}

function Shown({ point, row }) {
  if (row === null) return html`<span class="muted">no value</span>`;
  const exact = row.low === row.high;
  const whole = exact && Number.isInteger(row.mean);
  const named = (point.kind === "state" || point.kind === "bits" || point.type === "bool") && !whole;
  const { text, unit } = named ? { text: number(row.mean, 3), unit: "" } : valueOf(point, asRead(point, row.mean));
  return html`
    <span class="now">${text}</span>${unit && html` <span class="unit">${unit}</span>`}
    ${!exact && html`<span class="legend-band muted">${number(row.low)} … ${number(row.high)}</span>`}`;
}

function asRead(point, value) {
  return point.type === "bool" ? value !== 0 : value;
}
