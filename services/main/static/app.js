// Brings the pages to life. Each block looks for its own data- attribute and does nothing where there is none.

const notice = document.querySelector("[data-notice]");

function tell(text, isError = false) {
  notice.textContent = text;
  notice.classList.toggle("error", isError);
}

// Calls the API. Resolves to the JSON answer (null for 204); rejects with the problem's own words.
async function call(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  if (answer.status === 204) return null;
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const id = content.request_id ? ` (request ${content.request_id})` : "";
    throw new Error((content.detail || content.title || `The server answered ${answer.status}`) + id);
  }
  return content;
}

// Runs an action while its control is disabled, and tells what went wrong.
async function attempt(control, action) {
  control.disabled = true;
  try {
    await action();
  } catch (error) {
    tell(error.message, true);
  } finally {
    control.disabled = false;
  }
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// The cart widget.
async function showCart() {
  const widget = document.querySelector("[data-cart]");
  if (!widget) return;
  const { draft_id: draft } = await call("GET", "/requests/cart");
  const content = draft === null ? element("span", "cart-empty", "No draft") : element("a", "cart-filled", `Draft ${draft}`);
  if (draft !== null) content.href = `/pages/requests/${draft}`;
  widget.replaceChildren(content);
}

// A page that comes back from the browser's history may be old.
window.addEventListener("pageshow", (event) => event.persisted && showCart().catch(() => {}));

for (const button of document.querySelectorAll("[data-add]")) {
  button.addEventListener("click", () =>
    attempt(button, async () => {
      await call("POST", `/stocks/${button.dataset.add}/draft`);
      tell("Added to the draft.");
      await showCart();
    }),
  );
}

document.querySelector("[data-login]")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  attempt(form.querySelector("button"), async () => {
    await call("POST", "/login", { name: form.elements.name.value, password: form.elements.password.value });
    location.assign("/");
  });
});

const logout = document.querySelector("[data-logout]");
logout?.addEventListener("click", () =>
  attempt(logout, async () => {
    await call("POST", "/logout");
    location.assign("/");
  }),
);

const form = document.querySelector("[data-form]");
form?.addEventListener("click", () =>
  attempt(form, async () => {
    await call("PUT", `/requests/${form.dataset.form}/form`);
    location.reload();
  }),
);

// The results of a formed request, as they arrive.
const RESULTS = { growing: ["trend up", "▲ growing"], falling: ["trend down", "▼ falling"] };

function showResults(request) {
  let waiting = 0;
  for (const item of request.items) {
    const cell = document.querySelector(`[data-result-of="${item.stock_id}"]`);
    if (!item.result) waiting += 1;
    else if (cell) cell.replaceChildren(element("span", ...RESULTS[item.result]));
  }
  return waiting;
}

// Jitter keeps many pages from asking in step; a hidden tab asks seldom.
function pause() {
  const seconds = (document.hidden ? 15 : 1) * (0.75 + Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

async function poll(id) {
  let waiting = document.querySelectorAll(".waiting").length;
  while (waiting) {
    await pause();
    try {
      waiting = showResults(await call("GET", `/requests/${id}`));
      tell(waiting ? "Waiting for results…" : "All results have arrived.");
    } catch (error) {
      tell(error.message, true);
    }
  }
}

const table = document.querySelector("[data-request][data-state=formed]");
if (table) poll(table.dataset.request);
