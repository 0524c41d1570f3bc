// What one end knows of a chat: pure, without a socket, a page or a clock. docs/chat.md says what is on the wire.
//
// Whatever is lost, late, doubled or out of order on the way: entries are shown in the order of their numbers, each once,
// and what is not acknowledged is said again.

// What can never succeed, however often it is said.
const FINAL = new Set(["full", "not-found", "not-the-author", "outdated", "invalid"]);

// Entries that the server gives at once.
const MOST_FETCHED = 100;

export class Conversation {
  // pending: operations of an earlier visit that had no ack, in their order
  constructor(pending = []) {
    this.me = null;
    this.pending = pending; // Not acknowledged.
    this.acked = []; // Acknowledged, but their entries have not arrived yet.
    this.failed = []; // Refused for good: {operation, code, detail}.
    this.marks = new Map(); // Author to {delivered, read}.
    this.begin();
  }

  begin() {
    this.applied = 0; // Every entry up to this one is in `messages`.
    this.early = new Map(); // Entries beyond the next one, by number.
    this.messages = new Map();
    this.asked = 0; // Everything up to here was asked for.
    this.promised = 0; // The server has said that there are so many, and had sent them.
    this.read = 0;
    this.told = { delivered: 0, read: 0 };
  }

  // Each of these returns what is to be said now. Where nothing can be said, that is no loss: connected() says it again.

  connected() {
    this.forget();
    return [{ type: "hello", after: this.applied }, ...this.pending, ...this.mark()];
  }

  send(id, text) {
    return this.operate({ type: "send", id, text });
  }

  edit(id, message, text) {
    return this.operate({ type: "edit", id, message, version: this.nextVersion(message), text });
  }

  remove(id, message) {
    return this.operate({ type: "delete", id, message, version: this.nextVersion(message) });
  }

  // Everything that has arrived was shown.
  shown() {
    this.read = this.applied;
    return this.mark();
  }

  // Now and then: what was said and not answered is said again.
  tick() {
    this.forget();
    return [...this.pending, ...this.missing(), ...this.mark()];
  }

  receive(message) {
    switch (message.type) {
      case "welcome":
        this.me = message.you;
        return [];
      case "beat":
        this.promised = Math.max(this.promised, message.last);
        return this.missing();
      case "entries":
        for (const entry of message.entries) this.take(entry);
        return this.missing();
      case "ack":
        this.acknowledge(message.id, message.seq);
        return [];
      case "marks":
        for (const { author, delivered, read } of message.marks) this.take_mark(author, delivered, read);
        return [];
      case "error":
        return this.refused(message);
      default:
        // A newer server may say more than this page knows of.
        return [];
    }
  }

  // The messages in their order, then what is on its way: {seq, id, author, text, version, deleted, at, state}.
  // state of one's own: "waiting", "sent", "delivered" or "read"
  view() {
    const shown = [...this.messages.values()].map((message) => ({ ...message, state: this.state(message) }));
    const waiting = [...this.acked, ...this.pending]
      .filter((operation) => operation.type === "send")
      .map(({ id, text }) => ({ seq: null, id, author: this.me, text, version: 1, deleted: false, at: null, state: "waiting" }));
    return [...shown, ...waiting];
  }

  // What follows is between the two.

  // What was said may be lost; what the server has told of our marks is not.
  forget() {
    this.asked = 0;
    this.told = this.marks.get(this.me) || { delivered: 0, read: 0 };
  }

  operate(operation) {
    this.pending.push(operation);
    return [operation];
  }

  nextVersion(message) {
    const waiting = [...this.acked, ...this.pending].filter((operation) => operation.message === message);
    return this.messages.get(message).version + waiting.length + 1;
  }

  take(entry) {
    if (entry.seq <= this.applied) return;
    this.early.set(entry.seq, entry);
    for (let next; (next = this.early.get(this.applied + 1)); ) {
      this.early.delete(next.seq);
      this.applied = next.seq;
      this.apply(next);
    }
  }

  apply({ kind, message, version, author, id, text, at }) {
    const known = this.messages.get(message);
    if (!known) {
      this.messages.set(message, { seq: message, id, author, text, version, deleted: false, at });
    } else if (version > known.version) {
      known.version = version;
      known.text = text;
      known.deleted = kind === "delete";
    }
    this.pending = this.pending.filter((operation) => operation.id !== id);
    this.acked = this.acked.filter((operation) => operation.id !== id);
  }

  acknowledge(id, seq) {
    const operation = this.pending.find((each) => each.id === id);
    if (!operation) return;
    this.pending = this.pending.filter((each) => each !== operation);
    if (seq > this.applied) this.acked.push(operation);
  }

  take_mark(author, delivered, read) {
    const known = this.marks.get(author) || { delivered: 0, read: 0 };
    this.marks.set(author, { delivered: Math.max(known.delivered, delivered), read: Math.max(known.read, read) });
  }

  refused({ code, id, detail }) {
    if (code === "unknown-place") {
      // Not the database that this page knew: begin again.
      this.begin();
      return this.connected();
    }
    const operation = this.pending.find((each) => each.id === id);
    if (operation && FINAL.has(code)) {
      this.pending = this.pending.filter((each) => each !== operation);
      this.failed.push({ operation, code, detail });
    }
    return [];
  }

  // Asks for what lies between the last entry that was applied and what is known to be there; once, until a tick.
  missing() {
    const from = Math.max(this.applied, this.asked) + 1;
    const last = this.early.size ? Math.min(...this.early.keys()) - 1 : this.promised;
    const to = Math.min(last, from + MOST_FETCHED - 1);
    if (to < from) return [];
    this.asked = to;
    return [{ type: "fetch", from, to }];
  }

  mark() {
    if (this.applied <= this.told.delivered && this.read <= this.told.read) return [];
    this.told = { delivered: this.applied, read: this.read };
    return [{ type: "mark", ...this.told }];
  }

  state({ seq, author }) {
    if (author !== this.me) return null;
    const others = [...this.marks].filter(([name]) => name !== this.me).map(([, mark]) => mark);
    if (others.some((mark) => mark.read >= seq)) return "read";
    return others.some((mark) => mark.delivered >= seq) ? "delivered" : "sent";
  }
}
