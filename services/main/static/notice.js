// The one place where a page says what has just happened; screen readers read it out.

const notice = document.querySelector("[data-notice]");
const SHOWN = 8000; // Milliseconds.
let timer = 0;

export function tell(text) {
  clearTimeout(timer);
  // The same text again is read out again only if it was away.
  notice.textContent = "";
  requestAnimationFrame(() => (notice.textContent = text));
  timer = setTimeout(() => (notice.textContent = ""), SHOWN);
}

// The service is away or busy: what was tried has not happened, or nobody knows.
export function tellAway() {
  tell(notice.dataset.away);
}
