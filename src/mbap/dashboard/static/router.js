// The address after #: `#/trends?s=main.power&span=3600`. Every state worth a bookmark is in it.

export const PAGES = ["overview", "points", "trends", "communication", "frames"];

/** `{page, params}` of the present address; an unknown page is the overview. */
export function route(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  return { page: PAGES.includes(path) ? path : "overview", params: new URLSearchParams(query) };
}

/** The address of *page* with *params*, where empty ones are left out. */
export function href(page, params = {}) {
  const kept = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(kept).toString().replaceAll("%2C", ",");
  return query ? `#/${page}?${query}` : `#/${page}`;
}

/** Change the address without a new entry in the browser's history. */
export function replace(page, params) {
  history.replaceState(null, "", href(page, params));
}
