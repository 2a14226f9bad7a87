// What every component needs: the view library, icons, chips.
import { html } from "./vendor/standalone.module.js";

export {
  html, render, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useReducer, useRef, useState,
} from "./vendor/standalone.module.js";

const PATHS = {
  overview: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  points: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  trends: "M4 4v16h16M7 15l4-5 3 3 5-7",
  communication: "M4 9h13l-3.5-3.5M20 15H7l3.5 3.5",
  frames: "M9 5H4v14h5M15 5h5v14h-5M9 12h.01M12 12h.01M15 12h.01",
  good: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 12.2l2.7 2.7L16 9.5",
  warn: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.3v.01",
  bad: "M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3zM9 9l6 6M15 9l-6 6",
  none: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 12h8",
  stale: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5V12l3 2",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2"
    + "M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  close: "M6 6l12 12M18 6L6 18",
  download: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  leave: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
  follow: "M4 12h11M11 7l5 5-5 5M20 5v14",
};

/** An icon that says nothing to a screen reader: text stands beside it. */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}

const STATES = {
  ok: ["good", "OK"],
  degraded: ["warn", "Degraded"],
  failing: ["bad", "Failing"],
  unknown: ["none", "Unknown"],
};

/** The state of a device as icon, word and colour. */
export function StateChip({ state }) {
  const [tone, word] = STATES[state] ?? STATES.unknown;
  return html`<span class="chip ${tone}"><${Icon} name=${tone} />${word}</span>`;
}

/** The quality of a value; `good` is said quietly. */
export function QualityMark({ quality }) {
  const { tone, word } = quality;
  if (tone === "good") return html`<span class="quality text-good"><${Icon} name="good" />${word}</span>`;
  return html`<span class="chip ${tone}"><${Icon} name=${quality.icon ?? tone} />${word}</span>`;
}
