// What this page knows of the plant: the points, their newest values, how the devices are doing.
import { get } from "./api.js";
import { Live } from "./live.js";

const STALE_PERIODS = 3;
const STALE_GRACE = 1500; // ms for the way from device to page
const KEPT_STATUSES = 15;

/** Events: `catalogue` (other points), `values`, `status`, `connection`. Times here are milliseconds. */
export class Model extends EventTarget {
  constructor() {
    super();
    this.site = { name: "", problems: [], history: false, counters: [] };
    this.devices = [];
    this.points = [];
    this.numbers = new Map();
    this.keys = new Map();
    this.status = new Map();
    this.history = [];
    this.offset = 0;
    this.loaded = false;
    this.error = null;
    this.live = new Live();
    this.live.addEventListener("message", (event) => this.receive(event.detail));
    this.live.addEventListener("state", () => this.emit("connection"));
  }

  /** Begin: everything that stands still over HTTP, what moves over the live connection. */
  async start() {
    await this.load();
    this.live.connect();
  }

  async load() {
    try {
      const [site, devices, points] = await Promise.all([get("site"), get("devices"), get("points")]);
      if (devices.revision !== points.revision) return this.load();
      this.take(site, devices, points);
    } catch (error) {
      this.error = error.message;
      setTimeout(() => this.load(), 3000);
    }
    return this.emit("catalogue");
  }

  take(site, devices, points) {
    Object.assign(this, { site, devices: devices.devices, revision: points.revision, error: null, loaded: true });
    this.heardClock(points.now);
    const byName = new Map(this.devices.map((device) => [device.name, device]));
    this.points = points.points.map((point) => ({
      ...point,
      device: byName.get(point.device),
      periodMs: point.period * 1000,
      time: point.time === null ? null : point.time / 1000,
    }));
    this.numbers = new Map(this.points.map((point, index) => [point.id, index]));
    this.keys = new Map(this.devices.map((device) => [device.name, []]));
    for (const point of this.points) if (point.key) this.keys.get(point.device.name).push(point);
    for (const device of this.devices) this.status.set(device.name, device.communication);
  }

  /** The point *id*; also a communication counter, which is no point of a profile. */
  point(id) {
    const index = this.numbers.get(id);
    return index === undefined ? this.counter(id) : this.points[index];
  }

  counter(id) {
    const [device, name] = id.split(".", 2);
    const owner = this.devices.find((one) => one.name === device);
    if (!owner || !this.site.counters.includes(name)) return undefined;
    const unit = name.endsWith("_ms") ? "ms" : "";
    return {
      id, name, device: owner, unit, kind: "gauge", states: {}, periodMs: 60000, counter: true,
      description: "Communication", type: "float64",
    };
  }

  receive(message) {
    this.heardClock(message.now);
    if (message.type === "hello" && message.revision !== this.revision) this.load();
    if (message.type === "values") this.takeValues(message.blocks);
    if (message.type === "status") this.takeStatus(message);
  }

  takeValues(blocks) {
    for (const [time, numbers, values, qualities] of blocks) {
      for (let index = 0; index < numbers.length; index += 1) {
        const point = this.points[numbers[index]];
        if (!point) continue;
        point.time = time / 1000;
        point.value = values[index];
        point.quality = qualities ? qualities[index] : "good";
      }
    }
    this.dispatchEvent(new CustomEvent("values", { detail: blocks }));
  }

  takeStatus(message) {
    this.site.problems = message.problems;
    for (const [name, status] of Object.entries(message.devices)) {
      this.status.set(name, { ...this.status.get(name), ...status });
    }
    this.history.push([message.now / 1000, message.devices]);
    if (this.history.length > KEPT_STATUSES) this.history.shift();
    this.emit("status");
  }

  /** Requests in a second of the last half minute, or null. */
  rate(name) {
    const counted = this.history.filter(([, devices]) => devices[name]?.requests !== undefined);
    if (counted.length < 2) return null;
    const [[since, first], [until, last]] = [counted[0], counted.at(-1)];
    const seconds = (until - since) / 1000;
    // Over less than this, a device of slow groups would seem to rest, and one that was just read to race.
    return seconds >= 5 ? Math.max(0, (last[name].requests - first[name].requests) / seconds) : null;
  }

  heardClock(now) {
    if (now) this.offset = now / 1000 - Date.now();
  }

  /** The server's time, by which ages are told. */
  now() {
    return Date.now() + this.offset;
  }

  /** `{tone, word, icon}` of the point's newest value. Stale is computed here, from its age. */
  quality(point) {
    if (point.quality === null || point.quality === undefined) return { tone: "none", word: "no answer yet" };
    if (!point.quality.startsWith("good")) return { tone: "bad", word: point.quality };
    if (this.now() - point.time > STALE_PERIODS * point.periodMs + STALE_GRACE) {
      return { tone: "warn", word: "stale", icon: "stale" };
    }
    return { tone: "good", word: point.quality };
  }

  emit(name) {
    this.dispatchEvent(new Event(name));
  }
}
