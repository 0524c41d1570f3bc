// Runs conversations of conversation.js for the tests. A line in: [end, method, ...arguments]; a line out: the result.
// "open" makes an end anew, from the pending operations given.

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

// Browsers are told that it is a module; node would go by the name of the file.
const source = await readFile(new URL("../../../services/main/static/conversation.js", import.meta.url), "base64");
const { Conversation } = await import(`data:text/javascript;base64,${source}`);

const ends = new Map();

function call(name, method, given) {
  if (method === "open") {
    ends.set(name, new Conversation(...given));
    return null;
  }
  const end = ends.get(name);
  return typeof end[method] === "function" ? end[method](...given) : end[method];
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, method, ...given] = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(call(name, method, given))}\n`);
}
