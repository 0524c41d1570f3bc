// Live updates: one feed, heard in any of four ways. See docs/live-updates.md for what is said on the wire.

export const TRANSPORTS = ["short-polling", "long-polling", "sse", "websocket"];

// Milliseconds.
const POLL_EVERY = 2000;
const POLL_EVERY_HIDDEN = 15000;
const LONG_POLL_SECONDS = 25;
const SILENCE = 40000; // The server beats every 15 s.
const BACKOFF_LEAST = 500;
const BACKOFF_MOST = 15000;

class Stopped extends Error {}
class Lost extends Error {}
class Expired extends Error {}

// Begins at once, and goes on until stop().
//   transport: one of TRANSPORTS; use(name) changes it and keeps the cursor
//   cursor: where to go on; null begins with a snapshot
//   onEvents(events): each event once, in their order: {seq, kind, body}
//   onReset(snapshot): forget what was known; this is the state now: {cursor, stocks, requests}
//   onWire({transport, direction, text, status, bytes}): what is on the wire; direction is "out", "in" or "note",
//     status that of an answer or null, bytes those of the text
export class Feed {
  constructor({ transport = "sse", cursor = null, onEvents, onReset, onWire = () => {} }) {
    this.cursor = cursor;
    this.onEvents = onEvents;
    this.onReset = onReset;
    this.onWire = onWire;
    this.running = null;
    this.use(transport);
  }

  get transport() {
    return this.name;
  }

  use(transport) {
    if (!TRANSPORTS.includes(transport)) throw new RangeError(`no transport is called ${transport}`);
    this.stop();
    this.name = transport;
    this.failures = 0;
    this.running = new AbortController();
    this.run(this.running.signal);
  }

  stop() {
    this.running?.abort();
    this.running = null;
  }

  async run(signal) {
    const ways = { "short-polling": "pollShort", "long-polling": "pollLong", sse: "hearEvents", websocket: "hearSocket" };
    while (!signal.aborted) {
      try {
        if (this.cursor === null) this.reset(signal, await this.fetchSnapshot(signal));
        await this[ways[this.name]](signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Expired) {
          this.cursor = null;
          this.note("the cursor has expired");
        } else {
          this.note(error.message);
        }
        this.failures += 1;
        // Full jitter: clients that were cut off together do not come back together.
        const most = Math.min(BACKOFF_MOST, BACKOFF_LEAST * 2 ** this.failures);
        await pause(Math.max(error.wait || 0, Math.random() * most), signal).catch(() => {});
      }
    }
  }

  async pollShort(signal) {
    for (;;) {
      const cached = { "If-None-Match": `W/"${this.cursor}"` };
      await this.poll(signal, `/feed?after=${encodeURIComponent(this.cursor)}`, cached);
      const every = document.hidden ? POLL_EVERY_HIDDEN : POLL_EVERY;
      await pause(every * (0.75 + Math.random() / 2), signal, true);
    }
  }

  async pollLong(signal) {
    for (;;) {
      await this.poll(signal, `/feed?after=${encodeURIComponent(this.cursor)}&wait=${LONG_POLL_SECONDS}`, {});
    }
  }

  async poll(signal, path, headers) {
    this.wire("out", `GET ${path}`);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(SILENCE)]);
    const answer = await fetch(path, { headers, signal: limit, cache: "no-store" });
    const text = await answer.text();
    if (signal.aborted) throw new Stopped();
    this.wire("in", text, answer.status);
    if (answer.status === 410) throw new Expired();
    if (answer.status === 304) {
      // Nothing for this viewer, though the feed may have gone on.
      this.cursor = answer.headers.get("Feed-Cursor") || this.cursor;
      this.failures = 0;
      return;
    }
    if (!answer.ok) throw refusal(answer);
    this.take(signal, JSON.parse(text));
  }

  hearEvents(signal) {
    return this.stream(signal, (heard, lost) => {
      const path = `/feed/events?after=${encodeURIComponent(this.cursor)}`;
      this.wire("out", `GET ${path}`);
      const source = new EventSource(path);
      source.onmessage = (event) => heard(event.data);
      source.addEventListener("reset", (event) => heard(event.data));
      // Reconnecting is done here, with jitter.
      source.onerror = () => lost("the stream has ended");
      return () => source.close();
    });
  }

  hearSocket(signal) {
    return this.stream(signal, (heard, lost) => {
      const address = new URL(`/feed/socket?after=${encodeURIComponent(this.cursor)}`, location.href);
      address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
      this.wire("out", `WebSocket ${address.pathname}${address.search}`);
      const socket = new WebSocket(address);
      socket.onmessage = (event) => heard(event.data);
      socket.onclose = (event) => lost(`the socket was closed: ${event.code} ${event.reason}`.trim());
      return () => {
        socket.onclose = null;
        socket.close();
      };
    });
  }

  // Hears a stream until it ends, is silent for too long, or the signal says stop; then rejects.
  stream(signal, open) {
    return new Promise((_, reject) => {
      let timer = 0;
      let close = () => {};
      const end = (error) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stopped);
        close();
        reject(error);
      };
      const stopped = () => end(new Stopped());
      const lost = (reason) => end(new Lost(reason));
      const watch = () => {
        clearTimeout(timer);
        timer = setTimeout(() => lost("the stream is silent"), SILENCE);
      };
      const heard = (text) => {
        if (signal.aborted) return;
        watch();
        this.wire("in", text);
        try {
          const message = JSON.parse(text);
          if (message.reset) this.reset(signal, message.snapshot);
          else this.take(signal, message);
        } catch (error) {
          end(error);
        }
      };
      signal.addEventListener("abort", stopped);
      watch();
      close = open(heard, lost);
    });
  }

  async fetchSnapshot(signal) {
    this.wire("out", "GET /feed/snapshot");
    const answer = await fetch("/feed/snapshot", { signal, cache: "no-store" });
    if (!answer.ok) throw refusal(answer);
    const text = await answer.text();
    this.wire("in", text, answer.status);
    return JSON.parse(text);
  }

  reset(signal, snapshot) {
    if (signal.aborted) throw new Stopped();
    this.cursor = snapshot.cursor;
    this.failures = 0;
    this.onReset(snapshot);
  }

  take(signal, { after, cursor, events }) {
    if (signal.aborted) throw new Stopped();
    // A batch that does not begin where the one before ended: something is missing, or said twice. Ask again from here.
    if (after !== this.cursor) throw new Lost(`the batch begins at ${after}, not at ${this.cursor}`);
    this.cursor = cursor;
    this.failures = 0;
    if (events.length) this.onEvents(events);
  }

  wire(direction, text, status = null) {
    this.onWire({ transport: this.name, direction, text, status, bytes: new TextEncoder().encode(text).length });
  }

  note(text) {
    this.wire("note", text);
  }
}

function refusal(answer) {
  const error = new Lost(`the server answered ${answer.status}`);
  error.wait = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
  return error;
}

// Milliseconds; ends early when the signal says stop, or, where asked, when the page is looked at again.
function pause(duration, signal, untilSeen = false) {
  return new Promise((resolve, reject) => {
    const end = (settle) => () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stopped);
      document.removeEventListener("visibilitychange", seen);
      settle();
    };
    const done = end(resolve);
    const stopped = end(() => reject(new Stopped()));
    const seen = () => document.hidden || done();
    const timer = setTimeout(done, duration);
    signal.addEventListener("abort", stopped);
    if (untilSeen) document.addEventListener("visibilitychange", seen);
  });
}
