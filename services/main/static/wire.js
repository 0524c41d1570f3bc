// Shows what the feed says on the wire: the newest lines, and counts for each transport.

const LINES = 50;
const LENGTH = 2000; // Characters of one line; a snapshot is far longer.

export class Wire {
  constructor(panel) {
    this.panel = panel;
    this.log = panel.querySelector("[data-log]");
    this.number = new Intl.NumberFormat(document.documentElement.lang);
    this.time = new Intl.DateTimeFormat(document.documentElement.lang, {
      hourCycle: "h23",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      fractionalSecondDigits: 3,
    });
    this.counts = {};
  }

  tell({ transport, direction, text, status, bytes }) {
    const line = this.panel.querySelector(`template[data-line="${direction}"]`).content.cloneNode(true).firstElementChild;
    const part = (name) => line.querySelector(`[data-part="${name}"]`);
    line.querySelector("time").textContent = this.time.format(new Date());
    line.querySelector("code").textContent = text.slice(0, LENGTH);
    part("transport").textContent = this.panel.querySelector(`label[for="transport-${transport}"]`).textContent;
    part("status").textContent = status ?? "";
    part("bytes").textContent = direction === "note" ? "" : `${this.number.format(bytes)} B`;
    this.log.prepend(line);
    while (this.log.children.length > LINES) this.log.lastElementChild.remove();
    if (direction !== "note") this.count(transport, direction, bytes);
  }

  count(transport, direction, bytes) {
    const counts = (this.counts[transport] ??= { out: 0, in: 0, bytes: 0 });
    counts[direction] += 1;
    counts.bytes += bytes;
    for (const [name, value] of Object.entries(counts)) {
      const cell = this.panel.querySelector(`[data-transport="${transport}"] [data-count="${name}"]`);
      cell.textContent = this.number.format(value);
    }
  }
}
