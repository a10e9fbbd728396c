import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
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

/** A client's certificate and key. */
interface ClientIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Certificates of clients, some of which a server must refuse. */
export interface ClientCertificates {
  readonly ca: Buffer;
  /** CN=kube-apiserver, O=group:a and O=group:b. */
  readonly client: ClientIdentity;
  /** Of another CA. */
  readonly stranger: ClientIdentity;
  /** For the authentication of servers only. */
  readonly server: ClientIdentity;
  readonly expired: ClientIdentity;
}

/** Creates a CA and certificates of clients with openssl, in a folder of the test. */
export async function clientCertificates(t: TestContext): Promise<ClientCertificates> {
  const folder = await tempFolder(t);
  const openssl = (...args: readonly string[]) =>
    promisify(execFile)("openssl", args, { timeout: 20_000, cwd: folder });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const createCa = (name: string) =>
    openssl(
      "req",
      "-x509",
      ...newKey,
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.crt`,
    );
  const sign = async (name: string, ca: string, usage: string, dates: readonly string[] = ["-days", "2"]) => {
    await writeFile(join(folder, `${name}.ext`), `extendedKeyUsage=${usage}\n`);
    const subject = "/O=group:a/O=group:b/CN=kube-apiserver";
    await openssl("req", ...newKey, "-subj", subject, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    const from = ["-in", `${name}.csr`, "-CA", `${ca}.crt`, "-CAkey", `${ca}.key`, "-set_serial", "7"];
    await openssl("x509", "-req", ...from, "-extfile", `${name}.ext`, "-out", `${name}.crt`, ...dates);
    const [cert, key] = await Promise.all(
      [`${name}.crt`, `${name}.key`].map((file) => readFile(join(folder, file))),
    );
    return { cert: cert as Buffer, key: key as Buffer };
  };
  await Promise.all([createCa("ca"), createCa("other")]);
  return {
    ca: await readFile(join(folder, "ca.crt")),
    client: await sign("client", "ca", "clientAuth"),
    stranger: await sign("stranger", "other", "clientAuth"),
    server: await sign("server", "ca", "serverAuth"),
    expired: await sign("expired", "ca", "clientAuth", ["-days", "-1"]),
  };
}
