// A card for each device: its state, its key values, when it last answered.
import { duration, isNumeric, title, valueOf } from "./format.js";
import { useEvery, useInterest, useLive } from "./hooks.js";
import { recentTrends } from "./recent.js";
import { href } from "./router.js";
import { Sparkline } from "./sparkline.js";
import { Icon, QualityMark, StateChip, html, useState } from "./ui.js";

const RECENT = 30 * 60e3;
const ASKED_AT_ONCE = 150;
const ORDER = ["failing", "degraded", "unknown", "ok"];

export function Overview({ model }) {
  useInterest(model, "key");
  useLive(model, "values", "status");
  const recent = useRecent(model);
  if (model.devices.length === 0) {
    return html`<p class="empty">This site has no devices yet: add them to the site file.</p>`;
  }
  return html`
    <h1 class="hidden-text">Overview</h1>
    <${Summary} model=${model} />
    <div class="areas">
    ${areas(model.devices).map(([area, devices]) => html`
      <section class="area" key=${area} style=${widthOf(devices.length)}>
        ${area && html`<h2>${area}</h2>`}
        <ul class="cards">
          ${devices.map((device) => html`
            <${Card} key=${device.name} model=${model} device=${device} recent=${recent} />`)}
        </ul>
      </section>`)}
    </div>`;
}

/** Areas stand beside each other as far as their cards fit. */
function widthOf(cards) {
  const across = Math.min(cards, 5);
  return { flex: `${across} 1 ${across * 300}px`, maxWidth: `${cards > 5 ? "100%" : `${across * 460}px`}` };
}

/** The devices by their label `area`, in the order of the site file; those without one come last. */
export function areas(devices) {
  const found = new Map();
  for (const device of devices) {
    const area = device.labels.area ?? "";
    found.set(area, [...(found.get(area) ?? []), device]);
  }
  const unlabelled = found.get("");
  found.delete("");
  return unlabelled ? [...found, [found.size ? "Other devices" : "", unlabelled]] : [...found];
}

function Summary({ model }) {
  const counts = Object.fromEntries(ORDER.map((state) => [state, 0]));
  for (const device of model.devices) counts[model.status.get(device.name)?.state ?? "unknown"] += 1;
  const shown = ORDER.filter((state) => counts[state] > 0);
  return html`
    <div class="summary">
      <span><b>${model.devices.length}</b> ${model.devices.length === 1 ? "device" : "devices"}</span>
      <span><b>${model.points.length}</b> points</span>
      <span class="summary-states">
        ${shown.map((state) => html`
          <span class="summary-state" key=${state}><b>${counts[state]}</b> <${StateChip} state=${state} /></span>`)}
      </span>
    </div>`;
}

function Card({ model, device, recent }) {
  const status = model.status.get(device.name) ?? {};
  const keys = model.keys.get(device.name);
  return html`
    <li class="card ${status.state ?? "unknown"}">
      <div class="card-head">
        <h3><a href=${href("points", { device: device.name })}>${device.title}</a></h3>
        <${StateChip} state=${status.state ?? "unknown"} />
      </div>
      <dl class="keys">
        ${keys.map((point) => html`<${KeyValue} key=${point.id} model=${model} point=${point} recent=${recent} />`)}
      </dl>
      ${keys.length === 0 && html`<p class="muted card-none">${device.points} points, none of them marked as key.</p>`}
      <${CardFoot} model=${model} device=${device} status=${status} keys=${keys} />
    </li>`;
}

function CardFoot({ model, device, status, keys }) {
  const answered = keys.filter((point) => model.quality(point).tone === "good").map((point) => point.time);
  const last = Math.max((status.last_answer ?? 0) / 1000, ...answered);
  const age = last > 0 ? `${duration(model.now() - last)} ago` : "never";
  device.telling ??= tellingLabels(model, device);
  return html`
    <div class="card-foot">
      <span title="Last answer"><${Icon} name="stale" /> <span class="hidden-text">last answer </span>${age}</span>
      <span class="mono">${device.name}</span>
      ${device.telling.map(([name, value]) => html`<span class="label" key=${name} title=${name}>${value}</span>`)}
    </div>`;
}

/** The labels that tell this device from others, and are not said by its title or area already. */
function tellingLabels(model, device) {
  return Object.entries(device.labels).filter(([name, value]) =>
    name !== "area" && value !== device.title && model.devices.some((other) => other.labels[name] !== value));
}

function KeyValue({ model, point, recent }) {
  const quality = model.quality(point);
  const { text, unit, isText } = valueOf(point, point.value);
  const trend = recent.trends.get(point.id);
  return html`
    <div class="key ${quality.tone}">
      <dt title=${point.description}><a href=${href("trends", { s: point.id })}>${title(point)}</a></dt>
      <dd>
        <span class="value ${isText ? "is-text" : ""}">${text}</span>
        ${unit && html`<span class="unit">${unit}</span>`}
        ${quality.tone !== "good" && html`<${QualityMark} quality=${quality} />`}
      </dd>
      ${trend && html`
        <dd class="key-spark">
          <${Sparkline} trend=${trend} start=${recent.start} end=${recent.end} label="its recent course" />
        </dd>`}
    </div>`;
}

/** The last half hour of the numeric key values, read again every 30 s. */
function useRecent(model) {
  const [recent, setRecent] = useState({ trends: new Map(), start: 0, end: 1 });
  const ids = model.points.filter((point) => point.key && isGauge(point)).map((point) => point.id);
  useEvery(30, async (signal) => {
    if (!model.site.history || ids.length === 0) return;
    setRecent(await recentTrends(model, ids.slice(0, ASKED_AT_ONCE), RECENT, signal));
  }, [ids.join(",")]);
  return recent;
}

/** A counter's course is a slope that tells nothing. */
function isGauge(point) {
  return point.kind === "gauge" && point.type !== "bool" && isNumeric(point);
}
