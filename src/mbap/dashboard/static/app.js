// The frame: header, navigation, notices, and the page that the address names.
import { Communication } from "./communication.js";
import { Frames } from "./frames.js";
import { Model } from "./model.js";
import { Overview } from "./overview.js";
import { Points } from "./points.js";
import { PAGES, href, route } from "./router.js";
import { Trends } from "./trends.js";
import { Icon, html, render, useEffect, useErrorBoundary, useLayoutEffect, useReducer, useState } from "./ui.js";

const TITLES = {
  overview: "Overview", points: "Points", trends: "Trends", communication: "Communication", frames: "Frames",
};
const VIEWS = {
  overview: Overview, points: Points, trends: Trends, communication: Communication, frames: Frames,
};

const model = new Model();

function App() {
  const [at, setAt] = useState(route());
  const [, redraw] = useReducer((count) => count + 1, 0);
  useLayoutEffect(() => { // at once: what was loaded before the first frame is drawn must not be missed
    const moved = () => setAt(route());
    addEventListener("hashchange", moved);
    model.addEventListener("catalogue", redraw);
    return () => {
      removeEventListener("hashchange", moved);
      model.removeEventListener("catalogue", redraw);
    };
  }, []);
  useEffect(() => {
    document.title = `${TITLES[at.page]} · ${model.site.name || "mbap"}`;
  });
  return html`
    <div class="shell">
      <a class="button skip" href="#main" onClick=${skipToMain}>Skip to the content</a>
      <${Header} page=${at.page} />
      <main class="main" id="main" tabindex="-1">
        <${Notices} />
        ${model.loaded && html`<${View} key=${viewKey(at.page)} page=${at.page} params=${at.params} />`}
        ${!model.loaded && !model.error && html`<p class="empty">Loading …</p>`}
      </main>
    </div>`;
}

/** Another plant makes pages anew, but for that which shows nothing of it. */
function viewKey(page) {
  return page === "frames" ? page : `${page} ${model.revision}`;
}

/** A page that cannot be drawn says so, and leaves the others alone. */
function View({ page, params }) {
  const [error] = useErrorBoundary((fault) => console.error(fault));
  const Shown = VIEWS[page];
  if (error) return html`<${Notice} sentence=${`This page cannot be drawn: ${error.message}`} />`;
  return html`<${Shown} model=${model} params=${params} />`;
}

function Header({ page }) {
  return html`
    <header class="header">
      <a class="brand" href=${href("overview")}>
        <img src="favicon.svg" alt="" width="24" height="24" /><span>${model.site.name || "mbap"}</span>
      </a>
      <nav class="nav" aria-label="Pages">
        ${PAGES.map((one) => html`
          <a href=${href(one)} aria-current=${one === page ? "page" : undefined}>
            <${Icon} name=${one} />${TITLES[one]}
          </a>`)}
      </nav>
      <div class="header-end">
        <${Connection} />
        <${ThemeButton} />
        ${model.site.protected && html`
          <form method="post" action="logout">
            <button class="button quiet square" type="submit" aria-label="Log out" title="Log out">
              <${Icon} name="leave" />
            </button>
          </form>`}
      </div>
    </header>`;
}

function Connection() {
  const state = useModel("connection", () => model.live.state);
  const words = { connecting: "connecting …", open: "live", waiting: "reconnecting …" };
  return html`
    <span class="connection ${state === "open" ? "" : "waiting"}" role="status">
      <span class="dot" aria-hidden="true"></span>${words[state]}
    </span>`;
}

function ThemeButton() {
  const root = document.documentElement;
  const [theme, setTheme] = useState(root.dataset.theme);
  const toggle = () => {
    const next = theme === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    root.dataset.chosen = "yes";
    try {
      localStorage.setItem("mbap.theme", next);
    } catch {
      // storage is forbidden: the choice lasts until the page is closed
    }
    setTheme(next);
  };
  useEffect(() => {
    const watcher = new MutationObserver(() => setTheme(root.dataset.theme));
    watcher.observe(root, { attributeFilter: ["data-theme"] });
    return () => watcher.disconnect();
  }, []);
  const label = theme === "dark" ? "Light colours" : "Dark colours";
  return html`
    <button class="button quiet square" type="button" onClick=${toggle} aria-label=${label} title=${label}>
      <${Icon} name=${theme === "dark" ? "sun" : "moon"} />
    </button>`;
}

function Notices() {
  const problems = useModel("status", () => model.site.problems);
  const sentences = model.error ? [`The plant cannot be loaded: ${model.error} Trying again.`] : problems;
  return sentences.map((one) => html`<${Notice} key=${one} sentence=${one} />`);
}

function Notice({ sentence }) {
  return html`<p class="notice" role="alert"><${Icon} name="warn" /><span>${sentence}</span></p>`;
}

/** What *read* gives, read again with every event *name* of the model. */
function useModel(name, read) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  useLayoutEffect(() => {
    model.addEventListener(name, redraw);
    return () => model.removeEventListener(name, redraw);
  }, [name]);
  return read();
}

function skipToMain(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

const place = document.getElementById("app");
place.replaceChildren();
render(html`<${App} />`, place);
model.start();
