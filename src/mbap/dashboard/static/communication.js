// How well each device answers, and how that went during the last hour.
import { duration, number } from "./format.js";
import { useEvery, useInterest, useLive } from "./hooks.js";
import { recentTrends } from "./recent.js";
import { href, replace } from "./router.js";
import { Sparkline } from "./sparkline.js";
import { Icon, StateChip, html, useEffect, useRef, useState } from "./ui.js";

const RECENT = 60 * 60e3;
const DEVICES_AT_ONCE = 40;
const LINES = ["comm_requests", "comm_latency_p99_ms", "comm_timeouts"];
const SEVERITY = { failing: 0, degraded: 1, unknown: 2, ok: 3 };
const HEADINGS = ["Device", "Requests", "Latency", "Timeouts", "Exceptions", "Lateness", "Overruns", "Reconnects"];

export function Communication({ model, params }) {
  const [order, setOrder] = useState(params.get("order") ?? "");
  const [inSight, watch] = useInSight();
  useInterest(model, [], true);
  useLive(model, "status");
  const recent = useRecent(model, inSight);
  const change = (event) => {
    setOrder(event.target.value);
    replace("communication", { order: event.target.value });
  };
  return html`
    <div class="toolbar">
      <h1>Communication</h1>
      <select aria-label="Order" value=${order} onChange=${change}>
        <option value="">In the order of the site</option>
        <option value="worst">Worst first</option>
      </select>
      <span class="count push">Lines show the last hour, counts are since the start.</span>
    </div>
    <div class="comm-rows" role="table" aria-label="Communication by device">
      <div class="comm-row comm-head" role="row">
        ${HEADINGS.map((word) => html`<div role="columnheader" key=${word}>${word}</div>`)}
      </div>
      ${ordered(model, order).map((device) => html`
        <${Row} key=${device.name} model=${model} device=${device} recent=${recent} watch=${watch} />`)}
    </div>`;
}

function ordered(model, order) {
  if (order !== "worst") return model.devices;
  const severity = (device) => SEVERITY[model.status.get(device.name)?.state ?? "unknown"];
  const share = (device) => errorShare(model.status.get(device.name)) ?? 0;
  return [...model.devices].sort((a, b) => severity(a) - severity(b) || share(b) - share(a));
}

/** The part of all requests that gave no values, 0 to 1. */
export function errorShare(status) {
  if (!status?.requests) return null;
  return (status.requests - status.answers) / status.requests;
}

function Row({ model, device, recent, watch }) {
  const status = model.status.get(device.name) ?? {};
  const row = useRef(null);
  useEffect(() => watch(row.current), []);
  const line = (name) => recent.lines.get(`${device.name}.${name}`);
  const ago = status.last_answer && duration(model.now() - status.last_answer / 1000);
  const spark = (trend, label) => html`
    <${Sparkline} trend=${trend} start=${recent.start} end=${recent.end} label=${`${label}, last hour`} floor=${0} />`;
  const rate = model.rate(device.name);
  return html`
    <div class="comm-row" role="row" ref=${row} data-device=${device.name}>
      <div class="comm-device" role="cell">
        <a href=${href("points", { device: device.name })}>${device.title}</a>
        <span><${StateChip} state=${status.state} /></span>
        <span class="muted">${ago ? `last answer ${ago} ago` : "no answer yet"}</span>
      </div>
      <${Cell} name="Requests">
        <${Figure} value=${rate} unit="/s" />
        <span class="muted"> · ${number(status.requests)}</span>
        ${spark(rates(line("comm_requests")), "requests a second")}
      <//>
      <${Cell} name="Latency (median, 99 %)">
        <${Figure} value=${status.latency_p50_ms} /> / <${Figure} value=${status.latency_p99_ms} unit="ms" />
        ${spark(line("comm_latency_p99_ms"), "99 % latency")}
      <//>
      <${Cell} name="Timeouts" bad=${status.timeouts > 0}>
        <span class="figure">${number(status.timeouts)}</span>${percent(status)}${leftAlone(status)}
        ${spark(rates(line("comm_timeouts")), "timeouts a second")}
      <//>
      <${Cell} name="Exceptions"><${Codes} exceptions=${status.exceptions ?? {}} /><//>
      <${Cell} name="Lateness (99 %)"><${Figure} value=${status.lateness_p99_ms} unit="ms" /><//>
      <${Cell} name="Overruns"><span class="figure">${number(status.overruns)}</span><//>
      <${Cell} name="Reconnects"><span class="figure">${number(status.reconnects)}</span><//>
    </div>`;
}

function Cell({ name, bad = false, children }) {
  return html`
    <div class="comm-cell ${bad ? "bad" : ""}" role="cell"><span class="comm-name">${name}</span>${children}</div>`;
}

function Figure({ value, unit = "" }) {
  return html`<span class="figure">${number(value, 3)}</span>${unit && html` <span class="unit">${unit}</span>`}`;
}

function percent(status) {
  const share = errorShare(status);
  if (!share) return null;
  return html`<span class="muted"> · ${share < 0.0005 ? "< 0.1" : number(share * 100, 2)} % failed</span>`;
}

function leftAlone(status) {
  if (!status.not_asked) return null;
  const title = "Reads left out while the device was silent";
  return html`<span class="muted" title=${title}> · ${number(status.not_asked)} left out</span>`;
}

const CODES = {
  "01": "illegal function", "02": "illegal data address", "03": "illegal data value", "04": "server device failure",
  "05": "acknowledge", "06": "server device busy", "08": "memory parity error", "0A": "gateway path unavailable",
  "0B": "gateway target failed to respond",
};

function Codes({ exceptions }) {
  const found = Object.entries(exceptions);
  if (found.length === 0) return html`<span class="figure">0</span>`;
  return html`
    <span class="codes">
      ${found.map(([code, count]) => html`
        <span class="chip warn" key=${code} title=${CODES[code] ?? "not in the standard"}>
          <${Icon} name="warn" /><span class="mono">${code}</span> × ${count}
        </span>`)}
    </span>`;
}

/** What a counter grew by in a second, from one row to the next; a restart begins anew at nothing. */
export function rates(trend) {
  if (!trend) return undefined;
  const mean = trend.mean.map((value, index) => {
    const before = trend.mean[index - 1];
    if (value === null || before === null || before === undefined) return null;
    return Math.max(0, value - before) / ((trend.times[index] - trend.times[index - 1]) / 1000);
  });
  return { times: trend.times, mean };
}

/** The names of the devices whose row is in sight, and what makes a row watched. */
function useInSight() {
  const [names, setNames] = useState(new Set());
  const observer = useRef(null);
  observer.current ??= new IntersectionObserver((entries) => {
    setNames((old) => {
      const next = new Set(old);
      for (const entry of entries) next[entry.isIntersecting ? "add" : "delete"](entry.target.dataset.device);
      return next;
    });
  }, { rootMargin: "200px" });
  useEffect(() => () => observer.current.disconnect(), []);
  return [names, (row) => {
    observer.current.observe(row);
    return () => observer.current.unobserve(row);
  }];
}

/** The lines of the devices in sight, read again every 20 s. */
function useRecent(model, names) {
  const [recent, setRecent] = useState({ lines: new Map(), start: 0, end: 1 });
  const wanted = [...names].sort().slice(0, DEVICES_AT_ONCE);
  useEvery(20, async (signal) => {
    if (!model.site.history || wanted.length === 0) return;
    const series = wanted.flatMap((name) => LINES.map((line) => `${name}.${line}`));
    const { start, end, trends } = await recentTrends(model, series, RECENT, signal);
    setRecent((old) => ({ lines: new Map([...old.lines, ...trends]), start, end }));
  }, [wanted.join(",")]);
  return recent;
}
