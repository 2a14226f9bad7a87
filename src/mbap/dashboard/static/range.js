// The part of time that a trend shows: pure functions on `{from, to}` in milliseconds.

export const SPANS = [["15 min", 15 * 60e3], ["1 h", 3600e3], ["24 h", 86400e3], ["7 d", 7 * 86400e3]];

const SHORTEST = 5e3;
const LONGEST = 10 * 366 * 86400e3;

export function spanOf(range) {
  return range.to - range.from;
}

/** Zoomed by *factor* (below 1: closer) around the time *at*. */
export function zoomed(range, factor, at = (range.from + range.to) / 2) {
  const span = Math.min(LONGEST, Math.max(SHORTEST, spanOf(range) * factor));
  const part = (at - range.from) / spanOf(range);
  const from = at - span * part;
  return { from, to: from + span };
}

/** Moved by *part* of its span, but not so that only the future is left. */
export function panned(range, part, now) {
  return movedTo(range, range.from + spanOf(range) * part, now);
}

/** Moved so that it begins at *from*. */
export function movedTo(range, from, now) {
  const span = spanOf(range);
  const begin = Math.max(0, Math.min(from, now - span * 0.05));
  return { from: begin, to: begin + span };
}

/** The range that is asked for, so that small moves need nothing new: half a span more on either side. */
export function widened(range, now) {
  const margin = spanOf(range) / 2;
  return { from: Math.max(0, range.from - margin), to: Math.min(Math.max(now, range.to), range.to + margin) };
}

/** True when *have* shows all of *wanted* that is not future, in steps that are not too coarse for it. */
export function covers(have, wanted, now) {
  if (!have || have.from > wanted.from || have.to < Math.min(wanted.to, now)) return false;
  const ratio = spanOf(have) / spanOf(wanted);
  return ratio < 3.2 && ratio > 0.6;
}
