// Requests to the server this page came from.

/** What the server said, as the one sentence of its problem object. */
export class ApiError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/** The address of *path* below api/v1, relative, so that the page also works behind a prefix. */
export function address(path, params = {}) {
  const query = new URLSearchParams(params).toString().replaceAll("%2C", ",");
  return `api/v1/${path}${query ? `?${query}` : ""}`;
}

/** The JSON answer of *path*. A session that has ended leads to the login page. */
export async function get(path, params = {}, signal = undefined) {
  const response = await fetch(address(path, params), { signal, headers: { Accept: "application/json" } });
  if (response.ok) return response.json();
  if (response.status === 401) location.assign("login");
  throw new ApiError(response.status, await sentence(response));
}

/** The JSON answer of *path* to *body*. */
export async function post(path, body, signal = undefined) {
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  const response = await fetch(address(path), { method: "POST", body: JSON.stringify(body), signal, headers });
  if (response.ok) return response.json();
  if (response.status === 401) location.assign("login");
  throw new ApiError(response.status, await sentence(response));
}

async function sentence(response) {
  try {
    return (await response.json()).detail;
  } catch {
    return `the server answered ${response.status}.`;
  }
}

/** The address of the live connection. */
export function liveAddress() {
  const here = new URL("api/v1/live", document.baseURI);
  here.protocol = here.protocol === "https:" ? "wss:" : "ws:";
  return here.href;
}
