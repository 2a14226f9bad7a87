// One WebSocket for the whole page: connects again by itself, and says so.
import { get, liveAddress } from "./api.js";

const FIRST_WAIT = 400;
const LONGEST_WAIT = 8000;
const SILENCE = 15000; // the server speaks every two seconds

/** Events: `message` (detail: the parsed message) and `state` ("connecting", "open", "waiting"). */
export class Live extends EventTarget {
  constructor() {
    super();
    this.state = "connecting";
    this.interest = null;
    this.wait = FIRST_WAIT;
    this.heard = 0;
    addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => this.retryNow());
    setInterval(() => this.watch(), 2000);
  }

  /** Ask for the points *points* ("all", "key" or ids) and, if wanted, all communication counters. */
  subscribe(points, communication = false) {
    this.interest = JSON.stringify({ type: "subscribe", points, communication });
    this.send();
  }

  connect() {
    clearTimeout(this.timer);
    this.socket = new WebSocket(liveAddress());
    const socket = this.socket;
    socket.onopen = () => this.opened();
    socket.onmessage = (event) => this.received(socket, event);
    socket.onclose = () => this.closed(socket);
  }

  opened() {
    this.wait = FIRST_WAIT;
    this.heard = performance.now();
    this.setState("open");
    this.send();
  }

  send() {
    if (this.interest && this.socket?.readyState === WebSocket.OPEN) this.socket.send(this.interest);
  }

  received(socket, event) {
    if (socket !== this.socket) return;
    this.heard = performance.now();
    this.dispatchEvent(new CustomEvent("message", { detail: JSON.parse(event.data) }));
  }

  closed(socket) {
    if (socket !== this.socket) return;
    this.setState("waiting");
    this.timer = setTimeout(() => this.again(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
  }

  /** Ask over HTTP first: it leads to the login page when the session has ended, and fails quietly. */
  async again() {
    try {
      await get("site");
    } catch {
      this.closed(this.socket);
      return;
    }
    this.connect();
  }

  retryNow() {
    if (this.state !== "waiting" || document.hidden) return;
    clearTimeout(this.timer);
    this.wait = FIRST_WAIT;
    this.again();
  }

  /** A connection that went silent without an end, as after a laptop slept. */
  watch() {
    if (this.state !== "open" || performance.now() - this.heard < SILENCE) return;
    const socket = this.socket;
    socket.onclose = null;
    socket.close();
    this.closed(socket);
  }

  setState(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}
