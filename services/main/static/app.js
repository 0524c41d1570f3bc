// Spares a reload where one would only bring back the same page. Without it, the forms do all of this.

import { tell, tellAway } from "./notice.js";

const cart = document.querySelector("[data-cart]");

function showCart(draft) {
  const [filled, empty] = cart.children;
  filled.hidden = draft === null;
  empty.hidden = draft !== null;
  if (draft !== null) filled.href = `/pages/requests/${draft}`;
}

async function add(form) {
  const answer = await fetch(`/stocks/${form.dataset.add}/draft`, { method: "POST" });
  // This page is worth more than one that says the same.
  if (answer.status === 429 || answer.status >= 500) return tellAway();
  // The page for whatever this is says it in the visitor's language.
  if (!answer.ok) return form.submit();
  showCart((await answer.json()).draft_id);
  tell(form.dataset.done);
}

for (const form of document.querySelectorAll("[data-add]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    add(form)
      .catch(tellAway)
      .finally(() => (form.ariaBusy = null));
  });
}

// A page that comes back from the browser's history may be old.
window.addEventListener("pageshow", async (event) => {
  if (!event.persisted || !cart) return;
  const answer = await fetch("/requests/cart").catch(() => null);
  if (answer?.ok) showCart((await answer.json()).draft_id);
});
