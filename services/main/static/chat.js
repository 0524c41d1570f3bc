// The chat on a request's page. What is known and what is to be said is conversation.js's; here are its socket, its store
// and its place on the page.

import { Conversation } from "/static/conversation.js";
import { moment } from "/static/times.js";

// Milliseconds.
const TICK = 10000;
const SILENCE = 40000; // The server beats every 15 s.
const MARK_AFTER = 1000;
const BACKOFF_LEAST = 500;
const BACKOFF_MOST = 15000;

const SESSION_ENDED = 1008;

// What has no ack yet, one entry of localStorage each, so that two tabs do not overwrite each other's.
class Pending {
  constructor(name) {
    this.prefix = `chat:${name}:`;
    this.store = localStorage;
    this.mine = new Set();
  }

  all() {
    const keys = Object.keys(this.store).filter((key) => key.startsWith(this.prefix));
    const kept = keys.map((key) => JSON.parse(this.store.getItem(key)));
    return kept.sort((one, other) => one.at - other.at || one.number - other.number).map(({ operation }) => operation);
  }

  // Keep exactly these of our own; those of other tabs are theirs.
  update(operations) {
    const wanted = new Set(operations.map((operation) => operation.id));
    for (const id of this.mine) if (!wanted.has(id)) this.store.removeItem(this.prefix + id);
    this.mine = wanted;
    operations.forEach((operation, number) => {
      const key = this.prefix + operation.id;
      if (this.store.getItem(key) !== null) return;
      try {
        this.store.setItem(key, JSON.stringify({ at: Date.now(), number, operation }));
      } catch {
        // The store is full: what is pending lives as long as the page.
      }
    });
  }
}

class Chat {
  constructor(section) {
    this.path = `/requests/${section.dataset.chat}/chat/socket`;
    this.word = (name) => section.querySelector(`template[data-word="${name}"]`).content.textContent;
    this.list = section.querySelector("[data-chat-messages]");
    this.status = section.querySelector("[data-chat-status]");
    this.form = section.querySelector("[data-chat-form]");
    this.field = this.form.elements.text;
    this.store = new Pending(`${section.dataset.chat}:${section.dataset.user}`);
    this.conversation = new Conversation(this.store.all());
    this.store.update(this.conversation.pending);
    this.editing = null; // The message whose text stands in the field.
    this.failures = 0;
    this.told = 0; // Refusals that were shown.
    this.socket = null;
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.submit(event);
      if (event.key === "Escape") this.write("", null);
    });
    window.addEventListener("online", () => this.connect());
    document.addEventListener("visibilitychange", () => this.markSoon());
    setInterval(() => this.say(this.conversation.tick()), TICK);
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.socket?.close();
    const address = new URL(this.path, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.socket = new WebSocket(address));
    const current = (deed) => (event) => this.socket === socket && deed(event);
    socket.onopen = current(() => {
      this.tell(this.word("online"), false);
      this.watch();
      this.say(this.conversation.connected());
    });
    socket.onmessage = current((event) => {
      this.failures = 0;
      this.watch();
      this.say(this.conversation.receive(JSON.parse(event.data)));
      this.keep();
      this.markSoon();
    });
    socket.onclose = current((event) => this.lost(event.code));
  }

  lost(code) {
    clearTimeout(this.silence);
    this.socket = null;
    if (code === SESSION_ENDED) {
      this.tell(this.word("ended"), true);
      return;
    }
    this.tell(this.word("offline"), true);
    this.failures += 1;
    // Full jitter: clients that were cut off together do not come back together.
    const most = Math.min(BACKOFF_MOST, BACKOFF_LEAST * 2 ** this.failures);
    this.timer = setTimeout(() => this.connect(), Math.random() * most);
  }

  // A line that is cut says nothing, not even that.
  watch() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.socket?.close();
      this.lost(0);
    }, SILENCE);
  }

  say(messages) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    for (const message of messages) this.socket.send(JSON.stringify(message));
  }

  submit(event) {
    event.preventDefault();
    const text = this.field.value.trim();
    if (!text) return;
    this.mended();
    const id = crypto.randomUUID();
    const said = this.editing ? this.conversation.edit(id, this.editing, text) : this.conversation.send(id, text);
    // Kept before it is said: a page that is closed now finds it again.
    this.keep();
    this.say(said);
    this.write("", null);
  }

  // What the server has said of a text that it refused.
  mended() {
    this.form.querySelector(".fault")?.remove();
    for (const name of ["aria-invalid", "aria-describedby"]) this.field.removeAttribute(name);
  }

  remove(seq) {
    const said = this.conversation.remove(crypto.randomUUID(), seq);
    this.keep();
    this.say(said);
  }

  write(text, editing) {
    this.editing = editing;
    this.field.value = text;
    this.field.focus();
  }

  keep() {
    this.store.update(this.conversation.pending);
    this.show();
  }

  markSoon() {
    if (this.marking) return;
    this.marking = setTimeout(() => {
      this.marking = null;
      this.say(document.hidden ? this.conversation.mark() : this.conversation.shown());
    }, MARK_AFTER);
  }

  show() {
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    this.draw(this.conversation.view());
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
    for (const { operation, code } of this.conversation.failed.slice(this.told)) {
      this.tell(`${this.word(code)} ${operation.text ?? ""}`.trim(), true);
    }
    this.told = this.conversation.failed.length;
  }

  // Puts only what has changed into the list, so that a button keeps the focus when something arrives.
  draw(messages) {
    const wanted = new Map(messages.map((message) => [JSON.stringify(message), message]));
    if (!this.drawn) this.list.replaceChildren(); // What the server has drawn.
    for (const [looks, item] of this.drawn ?? []) if (!wanted.has(looks)) item.remove();
    const items = [...wanted].map(([looks, message]) => [looks, this.drawn?.get(looks) ?? this.item(message)]);
    items.forEach(([, item], place) => {
      if (this.list.children[place] !== item) this.list.insertBefore(item, this.list.children[place] ?? null);
    });
    this.drawn = new Map(items);
  }

  item({ seq, author, text, version, deleted, at, state }) {
    const item = element("li", "chat-message");
    item.classList.toggle("chat-mine", state !== null);
    if (seq) item.dataset.seq = seq;
    const about = element("p", "chat-about", author ?? "");
    if (at) {
      const time = element("time", "", moment(at));
      time.dateTime = at;
      about.append(" ", time);
    }
    if (version > 1 && !deleted) about.append(" ", element("span", "chat-edited", this.word("edited")));
    if (state) about.append(" ", element("span", `chat-state chat-${state}`, this.word(state)));
    item.append(about, element("p", deleted ? "chat-text chat-deleted" : "chat-text", deleted ? this.word("deleted") : (text ?? "…")));
    if (state && seq && !deleted) {
      item.append(button(this.word("edit"), () => this.write(text, seq)), " ", button(this.word("remove"), () => this.remove(seq)));
    }
    return item;
  }

  tell(text, isError) {
    this.status.textContent = text;
    this.status.classList.toggle("error", isError);
  }
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function button(text, act) {
  const made = element("button", "quiet chat-act", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

const section = document.querySelector("[data-chat]");
if (section) new Chat(section);
