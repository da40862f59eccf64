// A Node client at the other end of a pipe: the twin of python_peer.py, with the same questions and answers.
// Runs in the folder the client was installed to and knows no client by name.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(process.argv[2] + "/"));
const objects = {};

console.log = console.info = console.error; // whatever a client prints must not end up among the answers

function tell(message) {
  process.stdout.write(JSON.stringify(message) + "\n");
}

function make({ make, as, args = [], callbacks = {} }) {
  const [module, name] = make.split(":");
  const object = new (require(module)[name])(...args);
  for (const [kind, event] of Object.entries(callbacks)) {
    object.on(kind, (value) => tell({ event, value }));
  }
  objects[as] = object;
  return true;
}

async function answer(question) {
  try {
    if (question.make) {
      tell({ id: question.id, value: make(question) });
    } else {
      const object = objects[question.on];
      const value = await object[question.call](...(question.args ?? []));
      tell({ id: question.id, value: question.mute ? null : (value ?? null) });
    }
  } catch (error) {
    const text = error?.body ? JSON.stringify(error.body) : String(error?.message ?? error);
    tell({ id: question.id, error: String(error?.code ?? "Error"), text, kinds: [] });
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => answer(JSON.parse(line)));
lines.on("close", () => process.exit(0));
