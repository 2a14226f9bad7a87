// The recent course of some series, for small lines.
import { get } from "./api.js";

const STEPS = 80;
const SHORTEST = 20e3;

/** `{start, end, trends}` of the last *span* ms; where history is younger than that, of what there is. */
export async function recentTrends(model, ids, span, signal) {
  const end = model.now();
  const whole = await ask(ids, end - span, end, signal);
  const first = Math.min(...[...whole.trends.values()].flatMap((one) => one.times.slice(0, 1)));
  if (!Number.isFinite(first) || first - whole.start < span / 3) return whole;
  return ask(ids, Math.min(first, end - SHORTEST), end, signal);
}

async function ask(ids, start, end, signal) {
  const range = { from: Math.round(start * 1000), to: Math.round(end * 1000), steps: STEPS };
  const answer = await get("history", { ...range, series: ids.join(",") }, signal);
  return { start, end, trends: trends(answer.series) };
}

/** Series of the history answer by id, times in milliseconds. */
export function trends(series) {
  return new Map(series.map((one) => [one.id, { times: one.times.map((time) => time / 1000), mean: one.mean }]));
}
