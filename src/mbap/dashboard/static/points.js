// Every value, with filter and sort. Only the rows in sight are drawn, so that 5,000 points cost what 40 do.
import { duration, title, valueOf } from "./format.js";
import { useInterest, useLive } from "./hooks.js";
import { href, replace } from "./router.js";
import { Icon, QualityMark, html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./ui.js";

const OVERSCAN = 12;
const NARROW = matchMedia("(max-width: 760px)");

const COLUMNS = [
  { name: "name", word: "Point", key: (point) => title(point) },
  { name: "device", word: "Device", key: (point) => point.device.title },
  { name: "value", word: "Value", key: (point) => point.value, right: true },
  { name: "unit", word: "Unit", key: (point) => point.unit || null },
  { name: "quality", word: "Quality", key: (point, model) => model.quality(point).word },
  { name: "age", word: "Age", key: (point) => (point.time === null ? null : -point.time), right: true },
  { name: "id", word: "Id", key: (point) => point.id },
  { name: "address", word: "Address", key: (point) => `${point.table} ${String(point.address).padStart(6, "0")}` },
];

export function Points({ model, params }) {
  const [view, setView] = useState(() => readView(params));
  useInterest(model, "all");
  useLive(model, "values", "status");
  useEffect(() => setView(readView(params)), [params]);
  const change = (part) => {
    const next = { ...view, ...part };
    setView(next);
    replace("points", next);
  };
  const chosen = sorted(model, filtered(model, view), view);
  return html`
    <div class="toolbar">
      <h1>Points</h1>
      <${Filters} model=${model} view=${view} change=${change} />
      <span class="count push" role="status">${countWords(chosen.length, model.points.length)}</span>
    </div>
    ${chosen.length === 0
      ? html`<p class="empty">No point fits the filter.</p>`
      : html`<${Table} model=${model} points=${chosen} view=${view} change=${change} />`}`;
}

function readView(params) {
  return {
    q: params.get("q") ?? "", device: params.get("device") ?? "", quality: params.get("quality") ?? "",
    sort: params.get("sort") ?? "", dir: params.get("dir") ?? "",
  };
}

function countWords(shown, all) {
  return shown === all ? `${all} points` : `${shown} of ${all} points`;
}

function Filters({ model, view, change }) {
  const field = useRef(null);
  useEffect(() => {
    const jump = (event) => {
      if (event.key !== "/" || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
      event.preventDefault();
      field.current.focus();
    };
    addEventListener("keydown", jump);
    return () => removeEventListener("keydown", jump);
  }, []);
  return html`
    <input class="filter" type="search" ref=${field} value=${view.q} placeholder="Filter: name, unit, device …  ( / )"
      aria-label="Filter the points" onInput=${(event) => change({ q: event.target.value })} />
    <select aria-label="Device" value=${view.device} onChange=${(event) => change({ device: event.target.value })}>
      <option value="">All devices</option>
      ${model.devices.map((device) => html`<option value=${device.name}>${device.title}</option>`)}
    </select>
    <select aria-label="Quality" value=${view.quality} onChange=${(event) => change({ quality: event.target.value })}>
      <option value="">Any quality</option>
      <option value="good">Good</option>
      <option value="other">Not good</option>
    </select>`;
}

function filtered(model, view) {
  const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
  return model.points.filter((point) => {
    if (view.device && point.device.name !== view.device) return false;
    if (view.quality && (model.quality(point).tone === "good") !== (view.quality === "good")) return false;
    return words.every((word) => haystack(point).includes(word));
  });
}

function haystack(point) {
  point.haystack ??= [
    point.id, title(point), point.description, point.unit, point.device.title, point.reference, point.group,
    ...Object.values(point.device.labels),
  ].join("\n").toLowerCase();
  return point.haystack;
}

function sorted(model, points, view) {
  const column = COLUMNS.find((one) => one.name === view.sort);
  if (!column) return points;
  const sign = view.dir === "down" ? -1 : 1;
  const keyed = points.map((point) => [column.key(point, model), point]);
  return keyed.sort(([a], [b]) => compare(a, b, sign)).map(([, point]) => point);
}

/** Numbers before words, what is missing always last. */
export function compare(a, b, sign) {
  const missing = (a ?? null) === null ? 1 : 0;
  const other = (b ?? null) === null ? 1 : 0;
  if (missing || other) return missing - other;
  if (typeof a === "string" && typeof b === "string") return sign * a.localeCompare(b, undefined, { numeric: true });
  if (typeof a === "string" || typeof b === "string") return typeof a === "string" ? 1 : -1;
  return sign * (Number(a) - Number(b));
}

function Table({ model, points, view, change }) {
  const frame = useRef(null);
  const row = NARROW.matches ? 52 : 36;
  const [first, last] = useWindow(frame, points.length, row);
  const sort = (name) => {
    const again = view.sort === name;
    change(again && view.dir === "down" ? { sort: "", dir: "" } : { sort: name, dir: again ? "down" : "" });
  };
  return html`
    <div class="table-frame" ref=${frame}>
      <table class="points" style=${{ "--row": `${row}px` }} aria-label="Values of all points"
        aria-rowcount=${points.length + 1}>
        <thead>
          <tr aria-rowindex="1">
            ${COLUMNS.map((column) => html`
              <${Heading} key=${column.name} column=${column} view=${view} sort=${sort} />`)}
          </tr>
        </thead>
        <tbody>
          <${Filler} height=${first * row} />
          ${points.slice(first, last).map((point, index) => html`
            <${Row} key=${point.id} model=${model} point=${point} index=${first + index + 2} />`)}
          <${Filler} height=${(points.length - last) * row} />
        </tbody>
      </table>
    </div>`;
}

function Filler({ height }) {
  if (height === 0) return null;
  return html`<tr aria-hidden="true"><td class="filler" style=${{ height: `${height}px` }}></td></tr>`;
}

function Heading({ column, view, sort }) {
  const active = view.sort === column.name;
  const down = active && view.dir === "down";
  const order = down ? "descending" : "ascending";
  return html`
    <th scope="col" class="c-${column.name} ${column.right ? "right" : ""}" aria-sort=${active ? order : undefined}>
      <button type="button" onClick=${() => sort(column.name)}>
        ${column.word}${active && html`<${Icon} name=${down ? "down" : "up"} />`}
      </button>
    </th>`;
}

function Row({ model, point, index }) {
  const quality = model.quality(point);
  const { text, unit } = valueOf(point, point.value);
  const look = quality.tone === "good" ? "" : text === "–" ? "not-good not-known" : "not-good";
  return html`
    <tr class="row ${look}" aria-rowindex=${index}>
      <td class="c-name">
        <span class="name">
          <a href=${href("trends", { s: point.id })} title="Show the trend">${title(point)}</a>
          <span class="muted" title=${point.description}>${point.description}</span>
          <span class="mono only-narrow">${point.id}</span>
        </span>
      </td>
      <td class="c-device muted">${point.device.title}</td>
      <td class="c-value right" title=${text}>
        ${quality.tone !== "good" && html`<span class="only-narrow"><${QualityMark} quality=${quality} /> </span>`}
        <span class="now">${text}</span>
      </td>
      <td class="c-unit unit">${unit}</td>
      <td class="c-quality"><${QualityMark} quality=${quality} /></td>
      <td class="c-age right muted">${point.time === null ? "–" : duration(model.now() - point.time)}</td>
      <td class="c-id mono muted" title=${point.id}>${point.id}</td>
      <td class="c-address muted">${place(point)}</td>
    </tr>`;
}

function place(point) {
  const words = { coil: "coil", discrete: "discrete input", input: "input reg.", holding: "holding reg." };
  return `${words[point.table] ?? point.table} ${point.address}`;
}

/** The first and last row to draw: those in the window and some around it. */
function useWindow(frame, count, row) {
  const [range, setRange] = useState([0, 40]);
  const measure = () => {
    if (!frame.current) return;
    const top = frame.current.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / row) - OVERSCAN);
    const last = Math.ceil((innerHeight - top) / row) + OVERSCAN;
    setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
  };
  useLayoutEffect(measure, [count, row]);
  useEffect(() => {
    addEventListener("scroll", measure, { passive: true });
    addEventListener("resize", measure);
    return () => {
      removeEventListener("scroll", measure);
      removeEventListener("resize", measure);
    };
  }, [row]);
  return useMemo(() => [Math.min(range[0], Math.max(0, count - 1)), Math.min(range[1], count)], [range, count]);
}
