// What the page Trends shows, as its address says it: `s` ids, and `span` (follow the newest) or `from` and `to`.
import { panned, spanOf, zoomed } from "./range.js";
import { replace } from "./router.js";

export const MOST_SERIES = 12;
const DEFAULT_SPAN = 3600e3;
const SHORTEST_SPAN = 60e3;
const LIVE_EDGE = 0.01; // a range that ends so near to now, in parts of its span, follows it

/** The view that *params* state; times in the address are seconds. */
export function readView(model, params) {
  const ids = (params.get("s") ?? "").split(",").filter((id) => model.point(id)).slice(0, MOST_SERIES);
  const [from, to] = [Number(params.get("from")) * 1000, Number(params.get("to")) * 1000];
  if (from > 0 && to > from) return { ids, follow: false, range: { from, to }, span: to - from };
  const span = Number(params.get("span")) * 1000;
  return { ids, follow: true, range: null, span: span >= 5000 ? span : null };
}

/** Put *view* into the address. */
export function writeView(view) {
  const params = { s: view.ids.join(",") };
  if (view.follow) params.span = view.span && Math.round(view.span / 1000);
  else Object.assign(params, { from: (view.range.from / 1000).toFixed(3), to: (view.range.to / 1000).toFixed(3) });
  replace("trends", params);
}

/** What is shown. Until somebody says a span it is an hour, or what there is where history is younger. */
export function rangeOf(model, data, view) {
  if (!view.follow) return view.range;
  const now = model.now();
  const span = view.span ?? Math.min(DEFAULT_SPAN, Math.max(SHORTEST_SPAN, now - data.first()));
  return { from: now - span, to: now };
}

/** What buttons, keys and gestures do to the view; *set* is given a function from the old one to the new one. */
export function actionsOf(model, data, set) {
  const change = (part) => set((view) => ({ ...view, ...part(view, rangeOf(model, data, view)) }));
  return {
    now: () => model.now(),
    range: (range) => change(() => moved(model, range)),
    zoom: (factor, at) => change((view, range) => moved(model, zoomed(range, factor, anchor(view, range, factor, at)))),
    pan: (part) => change((_view, range) => moved(model, panned(range, part, model.now()))),
    span: (span) => change((view, range) => spanned(model, view, range, span)),
    follow: () => change((_view, range) => ({ follow: true, span: spanOf(range) })),
    ids: (ids) => change(() => ({ ids: ids.slice(0, MOST_SERIES) })),
  };
}

function moved(model, range) {
  const follow = Math.abs(range.to - model.now()) < spanOf(range) * LIVE_EDGE;
  return { follow, span: spanOf(range), range };
}

/** At the live edge zooming keeps the edge, unless the pointer is well away from it. */
function anchor(view, range, factor, at) {
  if (!view.follow) return at;
  const near = at === undefined || at > range.to - spanOf(range) * 0.15;
  return near || factor > 1 ? range.to : at;
}

function spanned(model, view, range, span) {
  if (view.follow) return { span };
  const middle = (range.from + range.to) / 2;
  const next = { from: middle - span / 2, to: middle + span / 2 };
  return next.to >= model.now() ? { follow: true, span } : { range: next, span };
}
