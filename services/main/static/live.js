// Results and states, as the feed tells them, and the switch between its transports.

import { Feed, TRANSPORTS } from "./feed.js";
import { tell } from "./notice.js";
import { Wire } from "./wire.js";

const live = document.querySelector("[data-live]");
const news = document.querySelector("[data-news]");
const panel = document.querySelector("[data-wire]");
const CHOICE = "transport";
const PATIENCE = 2; // Failures in a row that are kept from the visitor: a restart, a change of network.

const piece = (kind, name) => live.querySelector(`template[data-${kind}="${name}"]`).content.cloneNode(true);
const shownRequest = (id) => live.querySelector(`[data-request="${id}"]`);

// Results come in flocks, and what is said replaces what was said.
let toSay = [];
function say(text) {
  if (!toSay.length) {
    setTimeout(() => {
      tell(toSay.join(", "));
      toSay = [];
    }, 300);
  }
  toSay.push(text);
}

function showResult(id, stock, result) {
  const place = shownRequest(id)?.querySelector(`[data-result-of="${stock}"]`);
  if (!place || !result || place.dataset.result === result) return;
  place.replaceChildren(piece("result", result));
  place.dataset.result = result;
  // The word without its sign.
  say(`${place.dataset.company}: ${place.firstElementChild.lastChild.textContent.trim()}`);
  if (!shownRequest(id).querySelector('[data-result=""]')) complete(id);
}

function complete(id) {
  shownRequest(id)
    .querySelectorAll("[data-needs-results]")
    .forEach((button) => (button.disabled = false));
  // Its timeline ends when its creator has seen the results.
  fetch(`/requests/${id}`).catch(() => {});
}

function showState(id, state) {
  const request = shownRequest(id);
  if (!request) {
    if (news) news.hidden = false;
    return;
  }
  const place = request.querySelector("[data-state-of]");
  if (place.firstElementChild.classList.contains(state)) return;
  place.replaceChildren(piece("state", state));
  if (state !== "formed") request.querySelector("[data-decide]")?.remove();
  say(`${request.querySelector("h1, h2").textContent}: ${place.textContent.trim()}`);
}

const wire = new Wire(panel);
const feed = new Feed({
  transport: TRANSPORTS.find((name) => name === sessionStorage.getItem(CHOICE)) ?? "sse",
  cursor: live.dataset.cursor || null,
  onEvents: (events) => {
    for (const { kind, body } of events) {
      if (kind === "result") showResult(body.request_id, body.stock_id, body.result);
      if (kind === "request") showState(body.request_id, body.state);
    }
  },
  onReset: (snapshot) => {
    for (const request of snapshot.requests) {
      if (!shownRequest(request.id)) continue;
      request.items.forEach((item) => showResult(request.id, item.stock_id, item.result));
      showState(request.id, request.state);
    }
  },
  onWire: (said) => {
    wire.tell(said);
    if (said.direction === "note" && feed.failures === PATIENCE) tell(live.dataset.lost);
  },
});

panel.hidden = false;
panel.querySelector(`input[value="${feed.transport}"]`).checked = true;
panel.addEventListener("change", (event) => {
  sessionStorage.setItem(CHOICE, event.target.value);
  feed.use(event.target.value);
});

// A page that comes back from the browser's history goes on from where it was.
window.addEventListener("pagehide", () => feed.stop());
window.addEventListener("pageshow", (event) => event.persisted && feed.use(feed.transport));
