// The form of a request: its function says which fields there are.
import { html } from "./ui.js";

export const FUNCTIONS = [
  { code: "1", word: "read coils", fields: ["address", "count"] },
  { code: "2", word: "read discrete inputs", fields: ["address", "count"] },
  { code: "3", word: "read holding registers", fields: ["address", "count"] },
  { code: "4", word: "read input registers", fields: ["address", "count"] },
  { code: "5", word: "write single coil", fields: ["address", "values"] },
  { code: "6", word: "write single register", fields: ["address", "values"] },
  { code: "7", word: "read exception status", fields: [] },
  { code: "8", word: "diagnostics", fields: ["sub_function", "data"] },
  { code: "11", word: "get comm event counter", fields: [] },
  { code: "12", word: "get comm event log", fields: [] },
  { code: "15", word: "write multiple coils", fields: ["address", "values"] },
  { code: "16", word: "write multiple registers", fields: ["address", "values"] },
  { code: "17", word: "report server id", fields: [] },
  { code: "20", word: "read file record", fields: ["file", "record", "count"] },
  { code: "21", word: "write file record", fields: ["file", "record", "values"] },
  { code: "22", word: "mask write register", fields: ["address", "and_mask", "or_mask"] },
  { code: "23", word: "read/write registers", fields: ["address", "count", "write_address", "values"] },
  { code: "24", word: "read FIFO queue", fields: ["address"] },
  { code: "43", word: "read device identification", fields: ["code", "object_id"] },
  { code: "other", word: "another, with its data", fields: ["other", "data"] },
];

const WORDS = {
  unit: "Unit", transaction: "Transaction", address: "Address, from 0", count: "How many", values: "Values",
  write_address: "Written from address", and_mask: "Bits that stay", or_mask: "Bits that are set",
  sub_function: "Sub-function", file: "File", record: "Record, from 0",
  code: "Part, 1 to 4", object_id: "Object", other: "Function", data: "Data in hexadecimal",
};

export function RequestForm({ form, fields, change }) {
  const shown = ["unit", ...(form.framing === "tcp" ? ["transaction"] : []), ...fields];
  return html`
    <form class="fields" onSubmit=${(event) => event.preventDefault()}>
      <label class="field wide">
        <span>Function</span>
        <select value=${form.function} onChange=${(event) => change({ function: event.target.value })}>
          ${FUNCTIONS.map((one) => html`
            <option value=${one.code}>${one.code === "other" ? one.word : `${one.code} ${one.word}`}</option>`)}
        </select>
      </label>
      <label class="field">
        <span>Packed in</span>
        <select value=${form.framing} onChange=${(event) => change({ framing: event.target.value })}>
          <option value="tcp">TCP</option><option value="rtu">RTU</option><option value="ascii">ASCII</option>
        </select>
      </label>
      ${shown.map((name) => html`
        <label class="field ${name === "values" || name === "data" ? "wide" : ""}" key=${name}>
          <span>${WORDS[name]}</span>
          <input class="mono" autocomplete="off" spellcheck="false" value=${form[name] ?? (name === "other" ? "65" : "")}
            placeholder=${name === "values" ? "1 2 0x10 on off" : ""}
            onInput=${(event) => change({ [name]: event.target.value })} />
        </label>`)}
    </form>`;
}
