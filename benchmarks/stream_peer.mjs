// The npm package bitmart-api as a contender of the stream benchmark: the twin of stream_peer.py.
// node stream_peer.mjs FOLDER PORT WHO

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, port, who] = process.argv.slice(2);
const { WebsocketClient } = createRequire(pathToFileURL(folder + "/"))("bitmart-api");
const SYMBOLS = ["BTC", "ETH", "SOL", "XRP"];
const MARKETS = {
  spot: { quote: "_USDT", channels: ["ticker", "depth/increase100", "depth50", "trade", "kline1m"] },
  futures: { quote: "USDT", channels: ["ticker", "depth50", "trade", "klineBin1m"] },
};
const quiet = { trace() {}, info() {}, error: (...said) => console.error(...said) };

function say(text) {
  process.stdout.write(text + "\n");
}

let handed = 0;
let over = () => {};

function take(update) {
  const data = update.data;
  if (Array.isArray(data)) {
    if (data[0].symbol === "END_USDT") over();
    else handed += data.length;
  } else if (data?.symbol === "ENDUSDT") over();
  else if (data?.symbol) handed += 1;
}

const subscribed = [];
for (const [market, { quote, channels }] of Object.entries(MARKETS)) {
  const wsUrl = `ws://127.0.0.1:${port}/api?protocol=1.1&who=${who}_${market}`;
  const client = new WebsocketClient({ wsUrl, pingInterval: 1_000_000_000 }, quiet);
  client.on("update", take);
  subscribed.push(new Promise((resolve) => client.once("response", resolve)));
  const topics = channels.flatMap((name) => SYMBOLS.map((base) => `${market}/${name}:${base}${quote}`));
  client.subscribe([...topics, `${market}/ticker:END${quote}`], market);
}
await Promise.all(subscribed);
say("up");

const lines = createInterface({ input: process.stdin });
lines.on("line", () => {
  handed = 0;
  const began = process.cpuUsage();
  over = () => {
    const used = process.cpuUsage(began);
    over = () => {};
    say(JSON.stringify({ cpu: (used.user + used.system) / 1e6, handed }));
  };
  say("ready");
});
lines.on("close", () => process.exit(0));
