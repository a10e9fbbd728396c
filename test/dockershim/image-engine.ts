// A stand-in for the image part of a Docker Engine, on a unix socket: images are entries of a map, and pulls are scripted.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Engine } from "../../examples/dockershim/engine/client.js";
import { toCriError } from "../../examples/dockershim/errors.js";
import { imageService } from "../../examples/dockershim/images/service.js";
import { connect, type ImageClient } from "../../src/index.js";
import { memoryTransport } from "../../src/server.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";

export interface FakeImage {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  readonly User?: string;
}

/** A pull that the engine has received; the test answers it. */
export interface FakePull {
  readonly fromImage: string | null;
  readonly tag: string | null;
  readonly auth: unknown;
  readonly response: ServerResponse;
  /** Fires when the shim has closed the connection. */
  readonly closed: Promise<unknown>;
}

export class FakeEngine {
  /** The images, by whatever the shim looks up. */
  readonly images = new Map<string, FakeImage>();
  /** The requests without their bodies: `GET /images/json?digests=true`. */
  readonly requests: string[] = [];
  readonly pulls: FakePull[] = [];
  /** Answers a removal; by default, the image is removed. */
  onRemove: ((image: string, response: ServerResponse) => void) | undefined;
  /** The delay of GET /system/df. */
  usageDelayMs = 0;

  /** Adds an image under its id and its names. */
  add(image: FakeImage): void {
    const names = [...(image.RepoTags ?? []), ...(image.RepoDigests ?? [])];
    for (const name of [image.Id, ...names]) this.images.set(name, image);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "", "http://docker");
    const path = url.pathname.replace(/^\/v\d\.\d+/, "");
    this.requests.push(`${request.method} ${path}${url.search}`);
    const name = decodeURIComponent(/^\/images\/(.+?)(?:\/json)?$/.exec(path)?.[1] ?? "");
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (path === "/version") send(200, { Version: "26.1.5", ApiVersion: "1.45", MinAPIVersion: "1.24" });
    else if (path === "/info") send(200, { DockerRootDir: "/var/lib/docker" });
    else if (path === "/system/df") {
      const usage = { LayersSize: 7_000, Containers: [{ SizeRw: 30 }, {}, { SizeRw: 12 }] };
      setTimeout(() => send(200, usage), this.usageDelayMs);
    } else if (path === "/images/json") send(200, [...new Set(this.images.values())].map(summary));
    else if (path === "/images/create") this.#pull(request, url, response);
    else if (request.method === "DELETE") {
      if (this.onRemove) this.onRemove(name, response);
      else {
        this.forget(name);
        send(200, []);
      }
    } else {
      const image = this.images.get(name);
      if (image) send(200, details(image));
      else send(404, { message: `No such image: ${name}` });
    }
  }

  forget(id: string): void {
    for (const [name, image] of this.images) if (image.Id === id) this.images.delete(name);
  }

  #pull(request: IncomingMessage, { searchParams }: URL, response: ServerResponse): void {
    const header = request.headers["x-registry-auth"];
    this.pulls.push({
      fromImage: searchParams.get("fromImage"),
      tag: searchParams.get("tag"),
      auth: header === undefined ? undefined : JSON.parse(String(Buffer.from(String(header), "base64url"))),
      response,
      closed: once(response, "close"),
    });
  }
}

function summary({ Id, RepoTags = null, RepoDigests = null }: FakeImage) {
  return { Id, RepoTags, RepoDigests, Size: 5 };
}

function details(image: FakeImage) {
  const { User } = image;
  return {
    ...summary(image),
    Created: "2024-01-01T00:00:00Z",
    Architecture: "amd64",
    Os: "linux",
    RootFS: { Type: "layers", Layers: ["sha256:1"] },
    Config: User === undefined ? null : { User },
  };
}

/** Starts an engine and the image service in front of it. `image` is a client that does not change errors. */
export async function startImages(
  t: TestContext,
  {
    pauseImage = "pause:1",
    pullStallMs,
  }: { readonly pauseImage?: string; readonly pullStallMs?: number } = {},
): Promise<{ readonly fake: FakeEngine; readonly engine: Engine; readonly image: ImageClient }> {
  const fake = new FakeEngine();
  const server = createServer((request, response) => fake.handle(request, response));
  const socket = join(await tempFolder(t), "docker.sock");
  server.listen(socket);
  await once(server, "listening");
  cleanup(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const engine = new Engine(socket);
  cleanup(t, () => engine.close());
  const service = imageService(engine, { pauseImage, ...(pullStallMs === undefined ? {} : { pullStallMs }) });
  const transport = memoryTransport({ image: service, mapError: toCriError });
  const cri = connect.through({ transport, normalize: false });
  cleanup(t, () => cri.close());
  return { fake, engine, image: cri.image };
}
