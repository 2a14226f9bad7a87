// History and live values become the columns that the chart draws. Pure functions.

const GAP_STEPS = 1.6; // a row more than this many steps after the one before leaves a gap
const GAP_PERIODS = 3.5;

/**
 * One series of the history answer with times in milliseconds, rows at the middle of their step, and gaps.
 * The last row may not be over yet: nothing is drawn after *at*, when history was asked.
 */
export function lines(series, periodMs, at) {
  const stepMs = series.step / 1000;
  const widest = stepMs ? stepMs * GAP_STEPS : periodMs * GAP_PERIODS + 1000;
  const result = { id: series.id, step: stepMs, times: [], low: [], mean: [], high: [], bad: 0 };
  const [low, high] = [series.low ?? series.mean, series.high ?? series.mean];
  let before = null;
  series.times.forEach((time, index) => {
    const middle = Math.min(time / 1000 + stepMs / 2, at);
    if (before !== null && middle - before > widest) push(result, before + 1, null, null, null);
    push(result, middle, low[index], series.mean[index], high[index]);
    result.bad += series.bad[index];
    before = middle;
  });
  return result;
}

function push(result, time, low, mean, high) {
  result.times.push(time);
  result.low.push(low);
  result.mean.push(mean);
  result.high.push(high);
}

/** *line* with the live values *tail* (`[time, value]`) that came after its last row. */
export function withTail(line, tail, periodMs) {
  const last = line.times.at(-1) ?? -Infinity;
  const fresh = tail.filter(([time]) => time > last);
  if (fresh.length === 0) return line;
  const longer = { ...line, times: [...line.times], low: [...line.low], mean: [...line.mean], high: [...line.high] };
  let before = line.times.length ? last + line.step : null;
  for (const [time, value] of fresh) {
    if (before !== null && time - before > periodMs * GAP_PERIODS + 1000) push(longer, time - 1, null, null, null);
    push(longer, time, value, value, value);
    before = time;
  }
  return longer;
}

/** All lines on one time axis, in seconds as uPlot wants it: `[times, low, mean, high, low, mean, high, ...]`. */
export function joined(shown, join) {
  const tables = shown.map((line) => [line.times.map((time) => time / 1000), line.low, line.mean, line.high]);
  return tables.length === 0 ? [[]] : join(tables, tables.map(() => [0, 1, 1, 1]));
}

/** Least, mean and greatest of what lies between *from* and *to*. */
export function summary(line, from, to) {
  let [low, high, sum, count] = [Infinity, -Infinity, 0, 0];
  line.times.forEach((time, index) => {
    if (time < from || time > to || line.mean[index] === null || line.mean[index] === undefined) return;
    low = Math.min(low, line.low[index]);
    high = Math.max(high, line.high[index]);
    sum += line.mean[index];
    count += 1;
  });
  return count === 0 ? null : { low, mean: sum / count, high };
}

/** The row of *line* nearest to *time*, or null when there is none within a step or some periods. */
export function nearest(line, time, periodMs) {
  let [first, last] = [0, line.times.length];
  while (first < last) {
    const middle = (first + last) >> 1;
    if (line.times[middle] < time) first = middle + 1;
    else last = middle;
  }
  const near = [first - 1, first].filter((index) => line.times[index] !== undefined);
  if (near.length === 0) return null;
  const best = near.reduce((a, b) => (Math.abs(line.times[a] - time) <= Math.abs(line.times[b] - time) ? a : b));
  const reach = Math.max(line.step, periodMs * GAP_PERIODS);
  if (Math.abs(line.times[best] - time) > reach || line.mean[best] === null) return null;
  return { time: line.times[best], low: line.low[best], mean: line.mean[best], high: line.high[best] };
}
