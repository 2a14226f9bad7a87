// Explained frames: the bytes in a row, and a table of what each of them is; faults stand where they are.
import { Icon, html, useState } from "./ui.js";

const MOST_FRAMES = 50;
const MOST_BYTES_A_FIELD = 16;

export function Explained({ explained }) {
  const { framing, why, frames, hint } = explained;
  return html`
    ${why && framing !== "tcp" && html`<p class="muted framing">Modbus ${framing.toUpperCase()}: ${why}.</p>`}
    ${hint && html`<p class="notice"><${Icon} name="warn" /><span>${hint}.</span></p>`}
    <ol class="explained">
      ${frames.slice(0, MOST_FRAMES).map((frame, index) => html`
        <${Frame} key=${frame.offset} frame=${frame} index=${index} />`)}
    </ol>
    ${frames.length > MOST_FRAMES && html`
      <p class="muted">${frames.length - MOST_FRAMES} more frames are not shown: paste fewer.</p>`}`;
}

/** What a screen reader says of all of it: the tables are there to be gone through. */
export function summary({ frames }) {
  const wrong = frames.filter((frame) => frame.faults.length > 0);
  const all = `${frames.length} frame${frames.length === 1 ? "" : "s"} explained`;
  return wrong.length > 0 ? `${all}, ${wrong.length} malformed: ${wrong[0].faults[0]}.` : `${all}.`;
}

function Frame({ frame, index }) {
  const [chosen, choose] = useState(null);
  const readings = alike(frame.readings);
  const fields = [...frame.header, ...(readings[0]?.fields ?? []), ...frame.trailer];
  const wrong = frame.faults.length > 0;
  return html`
    <li class="explained-frame ${wrong ? "wrong" : ""}">
      <h3>
        <span>${index + 1}. ${title(frame, readings)}</span>
        ${wrong && html`<span class="chip bad"><${Icon} name="bad" />malformed</span>`}
      </h3>
      <p class="byte-row mono" aria-hidden="true">
        ${fields.flatMap((field, at) => pairs(field.bytes).map((byte) => html`
          <span class="byte ${tone(field, at)} ${chosen === at ? "chosen" : ""}" onMouseEnter=${() => choose(at)}
            onMouseLeave=${() => choose(null)}>${byte}</span>`))}
      </p>
      ${frame.faults.map((fault) => html`<p class="fault text-bad"><${Icon} name="bad" /><span>${fault}.</span></p>`)}
      <${Fields} fields=${frame.header} from=${0} chosen=${chosen} choose=${choose} name="Header" />
      ${readings.map((reading, at) => html`
        ${readings.length > 1 && html`<p class="muted">${at === 0 ? "Either" : "Or"}: ${reading.summary}</p>`}
        <${Fields} fields=${reading.fields} from=${frame.header.length} chosen=${chosen} choose=${choose}
          name=${reading.summary} />`)}
      <${Fields} fields=${frame.trailer} from=${frame.header.length + (readings[0]?.fields.length ?? 0)}
        chosen=${chosen} choose=${choose} name="Check" />
    </li>`;
}

function title(frame, readings) {
  if (readings.length === 0) return `${frame.bytes.length / 2} bytes that are no Modbus frame`;
  const answers = frame.answers === null ? "" : `, the answer to ${frame.answers + 1}`;
  return readings.map((one) => one.summary).join(", or ") + answers;
}

/** Readings, of which one is enough where they have the same fields, as the echo of a write has. */
function alike(readings) {
  return new Set(readings.map((one) => JSON.stringify(one.fields))).size === 1 ? readings.slice(0, 1) : readings;
}

function tone(field, at) {
  return field.wrong ? "wrong" : at % 2 ? "odd" : "even";
}

function pairs(hex) {
  return hex.match(/../g) ?? [];
}

function Fields({ fields, from, chosen, choose, name }) {
  if (fields.length === 0) return null;
  return html`
    <table class="frame-fields" role="table">
      <caption class="hidden-text">${name}</caption>
      <colgroup><col class="of-bytes" /><col class="of-name" /><col class="of-value" /><col /></colgroup>
      <thead class="hidden-text"><tr><th>Bytes</th><th>Field</th><th>Value</th><th>Meaning</th></tr></thead>
      <tbody role="rowgroup">
        ${fields.map((field, index) => html`
          <tr role="row" class="${field.wrong ? "wrong" : ""} ${chosen === from + index ? "chosen" : ""}"
            onMouseEnter=${() => choose(from + index)} onMouseLeave=${() => choose(null)}>
            <td role="cell" class="mono">${bytesOf(field)}</td>
            <td role="cell">${field.name}</td>
            <td role="cell" class="mono">${field.value}</td>
            <td role="cell" class="muted">${field.meaning}</td>
          </tr>`)}
      </tbody>
    </table>`;
}

function bytesOf(field) {
  const all = pairs(field.bytes);
  if (all.length <= MOST_BYTES_A_FIELD) return all.join(" ");
  return `${all.slice(0, MOST_BYTES_A_FIELD).join(" ")} … (${all.length})`;
}
