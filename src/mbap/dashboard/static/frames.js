// Frames: paste one or a log and see what each byte is; fill in a form and get a request's bytes.
import { post } from "./api.js";
import { Explained, summary } from "./explained.js";
import { FUNCTIONS, RequestForm } from "./requestform.js";
import { replace } from "./router.js";
import { Icon, html, useEffect, useRef, useState } from "./ui.js";

const PAUSE_MS = 200;
const LONGEST_ADDRESS = 1500;
const EXAMPLE = "00 01 00 00 00 06 01 03 00 6b 00 03\n00 01 00 00 00 09 01 03 06 02 2b 00 00 00 64";

export function Frames({ params }) {
  const [view, setView] = useState(() => readView(params));
  const result = useAnswer("frames/explain", view.text.trim() ? view : null);
  const change = (part) => {
    const next = { ...view, ...part };
    setView(next);
    replace("frames", next.text.length <= LONGEST_ADDRESS ? next : { ...next, text: "" });
  };
  return html`
    <div class="toolbar"><h1>Frames</h1></div>
    <div class="frames">
      <section class="panel" aria-labelledby="explain-head">
        <h2 id="explain-head">Explain</h2>
        <label class="field">
          <span>Frames in hexadecimal, a log, or a dump</span>
          <textarea class="mono" rows="5" spellcheck="false" autocomplete="off" value=${view.text}
            placeholder=${EXAMPLE} onInput=${(event) => change({ text: event.target.value })}></textarea>
        </label>
        <div class="fields">
          <${Choice} word="Packed in" value=${view.framing} change=${(framing) => change({ framing })}
            options=${[["", "found out"], ["tcp", "TCP"], ["rtu", "RTU"], ["ascii", "ASCII"]]} />
          <${Choice} word="It is" value=${view.role} change=${(role) => change({ role })}
            options=${[["", "found out"], ["request", "a request"], ["response", "a response"]]} />
          ${!view.text && html`
            <button class="button" type="button" onClick=${() => change({ text: EXAMPLE })}>Show an example</button>`}
        </div>
        <div aria-live="polite">
          ${result.error && html`<p class="notice"><${Icon} name="warn" /><span>${result.error}</span></p>`}
          ${result.answer && html`<p class="hidden-text">${summary(result.answer)}</p>`}
        </div>
        ${result.answer && html`<${Explained} explained=${result.answer} />`}
      </section>
      <${Builder} explain=${(text) => change({ text, framing: "", role: "request" })} />
    </div>`;
}

function readView(params) {
  return { text: params.get("text") ?? "", framing: params.get("framing") ?? "", role: params.get("role") ?? "" };
}

function Builder({ explain }) {
  const [form, setForm] = useState({
    function: "3", unit: "1", transaction: "1", framing: "tcp", address: "107", count: "3", values: "1",
    write_address: "0", and_mask: "0xffff", or_mask: "0", code: "1", object_id: "0", data: "",
    sub_function: "0", file: "1", record: "0",
  });
  const { fields } = FUNCTIONS.find((one) => one.code === form.function) ?? FUNCTIONS.at(-1);
  const shown = ["function", "unit", "framing", ...(form.framing === "tcp" ? ["transaction"] : []), ...fields];
  const asked = Object.fromEntries(shown.map((name) => [name, form[name]]));
  if (form.function === "other") asked.function = form.other ?? "65";
  const result = useAnswer("frames/build", asked);
  return html`
    <section class="panel" aria-labelledby="build-head">
      <h2 id="build-head">Build a request</h2>
      <${RequestForm} form=${form} fields=${fields} change=${(part) => setForm({ ...form, ...part })} />
      <div aria-live="polite">
        ${result.error && html`<p class="notice"><${Icon} name="warn" /><span>${result.error}</span></p>`}
      </div>
      ${result.answer && html`
        <${Bytes} text=${result.answer.frame} explain=${explain} />
        <${Explained} explained=${result.answer.explained} />`}
    </section>`;
}

function Bytes({ text, explain }) {
  const [copied, setCopied] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(text);
    } catch {
      setCopied(""); // the browser refused: the bytes can be marked all the same
    }
  };
  return html`
    <div class="bytes-made">
      <output class="mono" aria-label="The frame">${text}</output>
      ${navigator.clipboard && html`
        <button class="button" type="button" onClick=${copy}>${copied === text ? "Copied" : "Copy"}</button>`}
      <button class="button" type="button" onClick=${() => explain(text)}>Explain</button>
    </div>`;
}

export function Choice({ word, value, options, change }) {
  return html`
    <label class="field">
      <span>${word}</span>
      <select value=${value} onChange=${(event) => change(event.target.value)}>
        ${options.map(([name, shown]) => html`<option value=${name}>${shown}</option>`)}
      </select>
    </label>`;
}

/** What the server says to *body*, a moment after it has changed; only the newest answer counts. */
function useAnswer(path, body) {
  const [result, setResult] = useState({});
  const key = JSON.stringify(body);
  const first = useRef(true);
  useEffect(() => {
    if (body === null) {
      setResult({});
      return undefined;
    }
    const control = new AbortController();
    const ask = async () => {
      try {
        const answer = await post(path, body, control.signal);
        setResult(answer.problem ? { error: answer.problem } : { answer });
      } catch (error) {
        if (!control.signal.aborted) setResult({ error: error.message });
      }
    };
    const timer = setTimeout(ask, first.current ? 0 : PAUSE_MS);
    first.current = false;
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [key]);
  return result;
}
