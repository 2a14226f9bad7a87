// Hooks that several pages use.
import { useEffect, useLayoutEffect, useReducer } from "./ui.js";

/** Draw again with each of the model's *events* and, for ages, once a second. */
export function useLive(model, ...events) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  useLayoutEffect(() => {
    let asked = false;
    const soon = () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        redraw();
      });
    };
    for (const name of events) model.addEventListener(name, soon);
    const clock = setInterval(soon, 1000);
    return () => {
      for (const name of events) model.removeEventListener(name, soon);
      clearInterval(clock);
    };
  }, []);
}

/** Tell the server what this page shows. */
export function useInterest(model, points, communication = false) {
  const key = Array.isArray(points) ? points.join(",") : points;
  useEffect(() => model.live.subscribe(points, communication), [key, communication]);
}

/** Call *work* now and every *seconds*, with a signal that ends it when the page is left or *keys* change. */
export function useEvery(seconds, work, keys) {
  useEffect(() => {
    const leaving = new AbortController();
    const run = () => {
      if (!document.hidden) work(leaving.signal).catch((error) => ignoreAbort(error));
    };
    run();
    const clock = setInterval(run, seconds * 1000);
    return () => {
      leaving.abort();
      clearInterval(clock);
    };
  }, keys);
}

/** Aborting is no error; another failure shows as missing lines, and the next round tries again. */
function ignoreAbort(error) {
  if (error.name !== "AbortError" && error.status === undefined && !(error instanceof TypeError)) throw error;
}
