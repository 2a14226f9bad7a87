// Values, times and ages as text. Pure functions: the tests call them by themselves.

const NARROW = "\u202f";

/** A number with five significant digits, as many decimals as that leaves, and groups from 10 000 on. */
export function number(value, digits = 5, isFloat = false) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e12 || size < 1e-4)) return value.toExponential(3);
  const whole = size < 1 ? 1 : Math.floor(Math.log10(size)) + 1;
  const decimals = Number.isInteger(value) && (!isFloat || value === 0) ? 0 : Math.max(0, Math.min(4, digits - whole));
  return grouped(value.toFixed(decimals));
}

function grouped(text) {
  const [whole, decimals] = text.replace("-", "\u2212").split(".");
  const spaced = whole.replace(/\D/g, "").length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, NARROW) : whole;
  return decimals === undefined ? spaced : `${spaced}.${decimals}`;
}

/** As many decimals as the device gives. */
function fixed(value, decimals) {
  return grouped(value.toFixed(Math.min(6, decimals)));
}

/** A counter keeps two decimals, or it would seem to stand still when it is large. */
function counter(value) {
  return Number.isInteger(value) ? grouped(String(value)) : grouped(value.toFixed(2));
}

/** The names of the bits that are set, from the lowest on. */
export function bits(value, names) {
  const set = [];
  for (let bit = 0, rest = BigInt.asUintN(64, BigInt(value)); rest > 0n; bit += 1, rest >>= 1n) {
    if (rest & 1n) set.push(names[bit] ?? `bit ${bit}`);
  }
  return set;
}

/** What to show for a point's value: `{text, unit, isText}`. */
export function valueOf(point, value) {
  if (value === null || value === undefined) return { text: "–", unit: "", isText: false };
  const words = inWords(point, value);
  if (words !== null) return { text: words, unit: "", isText: true };
  return { text: inDigits(point, value), unit: point.unit, isText: false };
}

function inWords(point, value) {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return point.states[value ? "1" : "0"] ?? (value ? "on" : "off");
  if (point.kind === "state") return point.states[value] ?? String(value);
  if (point.kind === "bits" && Number.isInteger(value)) return bits(value, point.states).join(", ") || "none set";
  return null;
}

function inDigits(point, value) {
  if (typeof point.decimals === "number") return fixed(value, point.decimals);
  return point.kind === "counter" ? counter(value) : number(value, 5, true);
}

/** Milliseconds as a short length of time: `0.4 s`, `12 s`, `3 min`, `2.5 h`, `6 d`. */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)}${NARROW}s`;
  if (seconds < 120) return `${Math.round(seconds)}${NARROW}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}${NARROW}min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)}${NARROW}h`;
  return `${Math.round(seconds / 86400)}${NARROW}d`;
}

/** A span of a trend: `15 min`, `1 h`, `7 d`. */
export function span(ms) {
  const units = [["d", 86400e3], ["h", 3600e3], ["min", 60e3], ["s", 1e3]];
  const [word, size] = units.find(([, one]) => ms >= one * 0.999) ?? units[3];
  return `${Math.round((ms / size) * 10) / 10}${NARROW}${word}`;
}

/** Local date and time; seconds only where they tell something. */
export function moment(ms, withMillis = false) {
  const at = new Date(ms);
  const two = (part) => String(part).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day} ${time}${withMillis ? `.${String(at.getMilliseconds()).padStart(3, "0")}` : ""}`;
}

/** A step of a roll-up in words. */
export function step(ms) {
  return ms === 0 ? "samples as read" : `low, mean and high of ${span(ms)}`;
}

/** False for text, which no line can show. */
export function isNumeric(point) {
  return /^(u?int|float|bcd|bool)/.test(point.type);
}

const SHORT = /^(l[123]|n|ac|dc|thd|cop|rms|co2|pv|plc|id|io|hz|kwh)$/;

/** `voltage_l1` -> `Voltage L1`: the name tells points apart where descriptions are sentences. */
export function title(point) {
  const words = point.name.replace(/^comm_/, "").split("_");
  const text = words.map((word) => (SHORT.test(word) ? word.toUpperCase() : word)).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
