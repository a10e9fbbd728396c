import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RpcTransport } from "../../../src/index.js";
import {
  memoryTransport,
  proxy,
  type ServeOptions,
  type Services,
  serve,
} from "../../../src/server/index.js";
import { transportTo } from "../../support/calls.js";
import { selfSigned } from "../../support/certificate.js";
import { cleanup } from "../../support/cleanup.js";
import { freePort } from "../../support/free-port.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";
import { outcomes } from "./outcomes.js";
import { scripted } from "./scripted.js";

type Way = (t: TestContext, services: Services) => Promise<RpcTransport>;

async function served(t: TestContext, endpoint: string, services: Services, options?: ServeOptions) {
  const server = await serve(endpoint, services, options);
  cleanup(t, () => within(5_000, server.close(), "close()"));
  return server.endpoint;
}

const ways: Readonly<Record<string, Way>> = {
  memory: async (_, services) => memoryTransport(services),
  "a socket file": async (t, services) =>
    transportTo(t, await served(t, join(await tempFolder(t), "cri.sock"), services)),
  "an abstract socket": async (t, services) =>
    transportTo(t, await served(t, `@cri-sdk-test-${process.pid}`, services)),
  TCP: async (t, services) =>
    transportTo(t, await served(t, `tcp://127.0.0.1:${await freePort()}`, services)),
  TLS: async (t, services) => {
    const tls = await selfSigned(t);
    const endpoint = await served(t, `https://127.0.0.1:${await freePort()}`, services, { tls });
    return transportTo(t, endpoint, { tls: { ca: tls.cert } });
  },
  "a proxy in memory": async (_, services) => memoryTransport(proxy(memoryTransport(services))),
  "a proxy that is watched, between two sockets": async (t, services) => {
    const folder = await tempFolder(t);
    const upstream = transportTo(t, await served(t, join(folder, "upstream.sock"), services));
    const proxied = proxy(upstream, {}, { observe: () => undefined, rewriteUrl: (url) => url });
    return transportTo(t, await served(t, join(folder, "proxy.sock"), proxied));
  },
};

for (const [name, way] of Object.entries(ways))
  test(`over ${name}`, async (t) => {
    for (const { name, run } of outcomes)
      await t.test(name, { timeout: 120_000 }, async (t) => {
        checkLeaks(t);
        const script = scripted();
        await run(await way(t, script.services), script);
      });
  });
