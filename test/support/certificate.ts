import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { tempFolder } from "./temp.js";

/** Creates a self-signed certificate for 127.0.0.1 and localhost with openssl, in a folder of the test. */
export async function selfSigned(t: TestContext): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  const folder = await tempFolder(t);
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  args.push("-days", "2", "-subj", "/CN=streaming test", "-addext", names, "-keyout", key, "-out", cert);
  await promisify(execFile)("openssl", args, { timeout: 20_000 });
  return { cert: await readFile(cert), key: await readFile(key) };
}
