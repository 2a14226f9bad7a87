// A dialog to choose the points of a trend.
import { isNumeric, title } from "./format.js";
import { Icon, html, useLayoutEffect, useMemo, useRef, useState } from "./ui.js";

const MOST_ROWS = 200;

export function Picker({ model, chosen, most, choose, close }) {
  const dialog = useRef(null);
  const [text, setText] = useState("");
  useLayoutEffect(() => dialog.current.showModal(), []);
  const all = useMemo(() => candidates(model), [model.revision]);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((one) => words.every((word) => one.haystack.includes(word)));
  const done = () => dialog.current.close();
  const full = chosen.length >= most;
  const toggle = (id) => choose(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  return html`
    <dialog class="picker" ref=${dialog} onClose=${close} aria-labelledby="picker-title"
      onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
      <div class="picker-inside">
        <div class="picker-head">
          <h2 id="picker-title">Choose points</h2>
          <span class="muted" role="status">${chosen.length} of at most ${most}</span>
          <button class="button quiet square push" type="button" aria-label="Close" onClick=${done}>
            <${Icon} name="close" />
          </button>
        </div>
        <input class="filter" type="search" aria-label="Filter the points" placeholder="Filter: name, unit, device …"
          autofocus value=${text} onInput=${(event) => setText(event.target.value)} />
        <div class="picker-list" tabindex="0" role="group" aria-label="Points">
          ${grouped(found.slice(0, MOST_ROWS)).map(([name, points]) => html`
            <fieldset key=${name}>
              <legend>${name}</legend>
              ${points.map((point) => html`
                <${Choice} key=${point.id} point=${point} on=${chosen.includes(point.id)} full=${full}
                  toggle=${toggle} />`)}
            </fieldset>`)}
          ${found.length === 0 && html`<p class="empty">No point fits.</p>`}
          ${found.length > MOST_ROWS && html`
            <p class="muted picker-more">${found.length - MOST_ROWS} more: filter to see them.</p>`}
        </div>
        <div class="picker-foot">
          <button class="button" type="button" onClick=${() => choose([])} disabled=${!chosen.length}>Clear</button>
          <button class="button primary" type="button" onClick=${done}>Done</button>
        </div>
      </div>
    </dialog>`;
}

function Choice({ point, on, full, toggle }) {
  return html`
    <label class="choice">
      <input type="checkbox" checked=${on} disabled=${full && !on} onChange=${() => toggle(point.id)} />
      <span class="choice-name">${title(point)}</span>
      <span class="muted">${point.unit}</span>
    </label>`;
}

/** Every point that is a number, then the communication counters. */
function candidates(model) {
  const ids = model.devices.flatMap((device) => model.site.counters.map((name) => `${device.name}.${name}`));
  const points = [...model.points.filter(isNumeric), ...ids.map((id) => model.point(id))];
  return points.map((point) => ({ point, haystack: haystack(point) }));
}

function haystack(point) {
  const device = [point.device.title, ...Object.values(point.device.labels)];
  return [point.id, title(point), point.description, point.unit, ...device].join("\n").toLowerCase();
}

function grouped(found) {
  const groups = new Map();
  for (const { point } of found) {
    const name = point.counter ? `${point.device.title}: communication` : point.device.title;
    groups.set(name, [...(groups.get(name) ?? []), point]);
  }
  return [...groups];
}
