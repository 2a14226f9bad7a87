// Trends: some points over time, from history and live, with pan and zoom.
import { address } from "./api.js";
import { Chart } from "./chart.js";
import { moment, span as spanWords, step as stepWords } from "./format.js";
import { useInterest } from "./hooks.js";
import { Legend } from "./legend.js";
import { Picker } from "./picker.js";
import { SPANS, spanOf } from "./range.js";
import { TrendData } from "./trenddata.js";
import { MOST_SERIES, actionsOf, rangeOf, readView, writeView } from "./trendview.js";
import { Icon, html, useEffect, useLayoutEffect, useReducer, useRef, useState } from "./ui.js";

export function Trends({ model, params }) {
  const [view, setView] = useState(() => readView(model, params));
  const [picking, setPicking] = useState(false);
  const data = useData(model);
  useInterest(model, view.ids);
  useEffect(() => setView(readView(model, params)), [params]);
  useEffect(() => {
    const timer = setTimeout(() => writeView(view), 250);
    return () => clearTimeout(timer);
  }, [view]);
  const actions = actionsOf(model, data, setView);
  const range = rangeOf(model, data, view);
  const pick = () => setPicking(true);
  return html`
    <${Toolbar} view=${view} range=${range} actions=${actions} pick=${pick} />
    ${data.error && html`<p class="notice" role="alert"><${Icon} name="warn" /><span>${data.error}</span></p>`}
    ${!model.site.history && html`
      <p class="notice calm"><${Icon} name="stale" /><span>This site keeps no history: the lines begin now.</span></p>`}
    ${view.ids.length === 0
      ? html`<${Nothing} model=${model} pick=${pick} actions=${actions} />`
      : html`<${Shown} model=${model} data=${data} view=${view} range=${range} actions=${actions} />`}
    ${picking && html`
      <${Picker} model=${model} chosen=${view.ids} most=${MOST_SERIES} choose=${actions.ids}
        close=${() => setPicking(false)} />`}`;
}

function useData(model) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  const data = useRef(null);
  data.current ??= new TrendData(model);
  useEffect(() => {
    const held = data.current;
    held.addEventListener("change", redraw);
    const clock = setInterval(redraw, 1000);
    return () => {
      clearInterval(clock);
      held.close();
    };
  }, []);
  return data.current;
}

function Shown({ model, data, view, range, actions }) {
  const [across, setAcross] = useState(null);
  const points = view.ids.map((id) => model.point(id));
  const lines = data.shown(view.ids);
  const cursor = across === null ? null : range.from + across * spanOf(range);
  const remove = (id) => actions.ids(view.ids.filter((one) => one !== id));
  return html`
    <${Plot} data=${data} lines=${lines} range=${range} points=${points} actions=${actions} cursor=${setAcross} />
    <p class="trend-caption muted">
      <span>${moment(range.from)} – ${view.follow ? "now" : moment(range.to)} (${spanWords(spanOf(range))})</span>
      <span>${stepWords(data.step())}${data.loading ? " · loading …" : ""}</span>
    </p>
    <${Legend} lines=${lines} points=${points} range=${range} cursor=${cursor} remove=${remove} />`;
}

function Toolbar({ view, range, actions, pick }) {
  const button = (label, icon, act) => html`
    <button class="button square" type="button" aria-label=${label} title=${label} onClick=${act}>
      <${Icon} name=${icon} />
    </button>`;
  return html`
    <div class="toolbar">
      <h1>Trends</h1>
      <button class="button primary" type="button" onClick=${pick}><${Icon} name="plus" />Points</button>
      <div class="joined" role="group" aria-label="Span">
        ${SPANS.map(([word, span]) => html`
          <button class="button" type="button" key=${word} aria-pressed=${Math.abs(spanOf(range) - span) < 1000}
            onClick=${() => actions.span(span)}>${word}</button>`)}
      </div>
      <div class="joined" role="group" aria-label="Move and zoom">
        ${button("Earlier", "left", () => actions.pan(-0.5))}
        ${button("Later", "right", () => actions.pan(0.5))}
        ${button("Zoom in", "plus", () => actions.zoom(0.5))}
        ${button("Zoom out", "minus", () => actions.zoom(2))}
      </div>
      <button class="button" type="button" aria-pressed=${view.follow} onClick=${actions.follow}>
        <${Icon} name="follow" />Live
      </button>
      ${view.ids.length > 0 && html`
        <a class="button push" href=${csvAddress(view, range)} download><${Icon} name="download" />CSV</a>`}
    </div>`;
}

function csvAddress(view, range) {
  const times = { from: Math.round(range.from * 1000), to: Math.round(range.to * 1000) };
  return address("history", { series: view.ids.join(","), ...times, steps: 2000, format: "csv" });
}

const KEYS = {
  ArrowLeft: (actions, event) => actions.pan(event.shiftKey ? -0.5 : -0.1),
  ArrowRight: (actions, event) => actions.pan(event.shiftKey ? 0.5 : 0.1),
  PageUp: (actions) => actions.pan(-1),
  PageDown: (actions) => actions.pan(1),
  "+": (actions) => actions.zoom(0.7),
  "=": (actions) => actions.zoom(0.7),
  "-": (actions) => actions.zoom(1 / 0.7),
  End: (actions) => actions.follow(),
};

function Plot({ data, lines, range, points, actions, cursor }) {
  const place = useRef(null);
  const chart = useRef(null);
  const latest = useRef(null);
  latest.current = { ...actions, cursor };
  useLayoutEffect(() => {
    const forward = (name) => (...given) => latest.current[name](...given);
    const on = Object.fromEntries(["range", "zoom", "cursor", "now"].map((name) => [name, forward(name)]));
    chart.current = new Chart(place.current, on);
    return () => chart.current.destroy();
  }, []);
  useLayoutEffect(() => {
    data.show(points.map((point) => point.id), range, place.current.clientWidth);
    chart.current.draw(lines, points, range);
  });
  const key = (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key](actions, event);
  };
  return html`
    <div class="trend-frame">
      <div class="trend-plot" ref=${place} tabindex="0" role="group" onKeyDown=${key}
        aria-label="Chart. Arrow keys move in time, plus and minus zoom, End follows the newest values."></div>
    </div>`;
}

function Nothing({ model, pick, actions }) {
  const keys = (device) => model.keys.get(device.name).map((point) => point.id);
  const devices = model.devices.filter((device) => keys(device).length > 0).slice(0, 12);
  return html`
    <div class="empty trend-empty">
      <p>No point is chosen.</p>
      <p><button class="button primary" type="button" onClick=${pick}><${Icon} name="plus" />Choose points</button></p>
      ${devices.length > 0 && html`<p>or the key values of</p>`}
      <p class="trend-quick">
        ${devices.map((device) => html`
          <button class="button" type="button" key=${device.name} onClick=${() => actions.ids(keys(device))}>
            ${device.title}
          </button>`)}
      </p>
    </div>`;
}
