// The kubelet's status page in a real browser: what is shown, and that nothing of it is refused or runs.
import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { type Browser, installChromium } from "../../scripts/interop/chromium.js";
import type { Pod } from "../../src/kubernetes/index.js";
import { kubeletNode, ListSource, onePod, untilPhase } from "../support/kubelets.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";

let browser: Browser;

before(
  async () => {
    browser = await installChromium();
  },
  { timeout: 600_000 },
);

const evil = `"><script>console.log("script ran")</script><img src=x onerror='console.log("image ran")'>`;

async function statusPage(t: TestContext) {
  const web = onePod("web", ["print", `hello ${evil}`], { restartPolicy: "Never" });
  const pod = onePod("refused");
  const refused: Pod = { ...pod, spec: { ...pod.spec, containers: [{ name: "main", image: evil }] } };
  const node = await kubeletNode(t);
  const kubelet = await node.start([new ListSource("list", [web, refused])], { readOnlyPort: { port: 0 } });
  await untilPhase(kubelet, "Succeeded", "web");
  await until(
    () => kubelet.events().some(({ message }) => message.includes("onerror")),
    "an event with HTML",
  );
  await until(() => kubelet.isReady(), "the node is ready");
  return { kubelet, url: kubelet.statusUrl ?? "" };
}

const page = (html: string) => `data:text/html,${encodeURIComponent(html)}`;

test("the browser reports scripts that run, and what a policy refuses", { timeout: 200_000 }, async () => {
  const ran = await browser(page(`<script>console.log("script ran")</script>`));
  assert.match(ran.console.join("\n"), /script ran/);
  const refused = await browser(
    page(
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><style>p { color: red }</style>`,
    ),
  );
  assert.match(refused.console.join("\n"), /Content Security Policy/);
});

test("the page shows Pods, conditions and events without a message on the console", {
  timeout: 200_000,
}, async (t) => {
  const { url } = await statusPage(t);
  const { dom, console } = await browser(`${url}?refresh=0`);
  assert.deepEqual(console, []);
  for (const text of [
    "<title>node: kubelet</title>",
    ">web</th>",
    ">Completed<",
    ">MemoryPressure<",
    "&lt;img src=x",
  ])
    assert.ok(dom.includes(text), `${text} in ${dom}`);
  assert.doesNotMatch(dom, /<(?:script|img)\b/);
});

test("a log with HTML is shown as text", { timeout: 200_000 }, async (t) => {
  const { url } = await statusPage(t);
  const { dom, console } = await browser(`${url}logs/test/web/main`);
  assert.deepEqual(console, []);
  assert.match(dom, /hello "&gt;&lt;script&gt;/);
  assert.doesNotMatch(dom, /<(?:script|img)\b/);
});

test("a name of another site that leads to this machine shows nothing", { timeout: 200_000 }, async (t) => {
  const { url } = await statusPage(t);
  const { port } = new URL(url);
  const hosts = ["attacker.example"];
  const { dom } = await browser(`http://attacker.example:${port}/pods`, { hosts });
  assert.match(dom, /does not name this machine/);
  assert.doesNotMatch(dom, /PodList/);
});

test("it can be drawn in light and dark, wide and narrow", { timeout: 300_000 }, async (t) => {
  const { url } = await statusPage(t);
  const folder = await tempFolder(t);
  const sizes = [];
  for (const [name, options] of [
    ["light", {}],
    ["dark", { dark: true }],
    ["narrow", { width: 420 }],
  ] as const) {
    const screenshot = join(folder, `${name}.png`);
    const { console } = await browser(`${url}?refresh=0`, { ...options, screenshot });
    assert.deepEqual(console, [], name);
    sizes.push((await stat(screenshot)).size);
  }
  // A page without its text is a few kB.
  assert.ok(
    sizes.every((size) => size > 15_000),
    `${sizes}`,
  );
});
