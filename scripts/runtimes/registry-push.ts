import { createHash } from "node:crypto";

/** The destination and the credentials of a push. */
export interface PushTarget {
  /** The URL of the registry, such as `http://127.0.0.1:5000`. */
  readonly url: string;
  /** The name of the repository, such as `cri-sdk/busybox`. */
  readonly repository: string;
  readonly login?: { readonly username: string; readonly password: string } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Returns the `sha256:…` digest of the bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Uploads a blob unless the repository already has it; returns its descriptor fields. */
export async function pushBlob(
  target: PushTarget,
  bytes: Uint8Array,
): Promise<{ digest: string; size: number }> {
  const digest = digestOf(bytes);
  const blobs = `/v2/${target.repository}/blobs`;
  const known = await request(target, "HEAD", `${blobs}/${digest}`, undefined, [200, 404]);
  if (known.status === 404) {
    const opened = await request(target, "POST", `${blobs}/uploads/`, undefined, [202]);
    const upload = new URL(opened.headers.get("location") ?? "", target.url);
    upload.searchParams.set("digest", digest);
    await request(target, "PUT", upload, { bytes, type: "application/octet-stream" }, [201]);
  }
  return { digest, size: bytes.length };
}

/** Stores a manifest under a tag. */
export async function pushManifest(
  target: PushTarget,
  tag: string,
  json: string,
  type: string,
): Promise<void> {
  const body = { bytes: Buffer.from(json), type };
  await request(target, "PUT", `/v2/${target.repository}/manifests/${tag}`, body, [201]);
}

async function request(
  target: PushTarget,
  method: string,
  path: string | URL,
  body: { readonly bytes: Uint8Array; readonly type: string } | undefined,
  expected: readonly number[],
): Promise<Response> {
  const url = new URL(path, target.url);
  const headers = new Headers();
  if (target.login !== undefined) {
    const { username, password } = target.login;
    headers.set("authorization", `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`);
  }
  if (body !== undefined) headers.set("content-type", body.type);
  const deadline = AbortSignal.timeout(30_000);
  const response = await fetch(url, {
    method,
    headers,
    signal: target.signal === undefined ? deadline : AbortSignal.any([deadline, target.signal]),
    ...(body === undefined ? {} : { body: new Uint8Array(body.bytes) }),
  });
  const text = await response.text();
  if (!expected.includes(response.status)) {
    throw new Error(
      `${method} ${url.href}: the registry responded with ${response.status}: ${text.slice(0, 300)}`,
    );
  }
  return response;
}
