import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:https";
import { type TestContext, test } from "node:test";
import type {
  KubeletAccess,
  KubeletServerOptions,
  KubeletUser,
  PodSource,
} from "../../../src/kubelet/index.js";
import { kubeletNode, ListSource } from "../../support/kubelets.js";
import { within } from "../../support/waiting.js";

/** A source that knows one token, whose user may read metrics. */
class ReviewingSource extends ListSource {
  readonly user: KubeletUser;

  constructor(name: string) {
    super(name, []);
    this.user = { name: `user-of-${name}` };
  }

  async authenticate(token: string): Promise<KubeletUser | undefined> {
    return token === `token-of-${this.name}` ? this.user : undefined;
  }

  async authorize({ name }: KubeletUser, { subresource }: KubeletAccess) {
    return { allowed: name === this.user.name && subresource === "metrics" };
  }
}

/** Starts a kubelet with an API; the result returns the status of its answer to a token. */
async function served(t: TestContext, sources: readonly PodSource[], options: KubeletServerOptions = {}) {
  const node = await kubeletNode(t);
  const kubelet = await node.start(sources, { server: { host: "127.0.0.1", port: 0, ...options } });
  return async (path: string, token: string): Promise<number | undefined> => {
    const url = new URL(path, kubelet.serverUrl);
    const headers = { authorization: `Bearer ${token}` };
    const call = request(url, { rejectUnauthorized: false, agent: false, headers }).end();
    const [response] = await within(20_000, once(call, "response"), path);
    response.resume();
    return response.statusCode;
  };
}

test("without options, the first source that can authenticates tokens and authorizes users", async (t) => {
  const sources = [new ListSource("list", []), new ReviewingSource("api"), new ReviewingSource("other")];
  const status = await served(t, sources);
  assert.equal(await status("/metrics", "token-of-api"), 200);
  assert.equal(await status("/pods", "token-of-api"), 403);
  assert.equal(await status("/metrics", "token-of-other"), 401);
});

test("an option authorizes users, while the source still authenticates tokens", async (t) => {
  const status = await served(t, [new ReviewingSource("api")], {
    authorize: async ({ name }, { subresource }) => ({
      allowed: name === "user-of-api" && subresource === "pods",
    }),
  });
  assert.equal(await status("/pods", "token-of-api"), 200);
  assert.equal(await status("/metrics", "token-of-api"), 403);
});

test("an option decides whose a token is; what a user may do, the source still does", async (t) => {
  const status = await served(t, [new ReviewingSource("api")], {
    authenticate: async (token) => (token === "own" ? { name: "user-of-api" } : undefined),
  });
  assert.equal(await status("/metrics", "own"), 200);
  assert.equal(await status("/metrics", "token-of-api"), 401);
});

test("without a source that decides, tokens are refused", async (t) => {
  const status = await served(t, [new ListSource("list", [])]);
  assert.equal(await status("/metrics", "token-of-api"), 401);
});
