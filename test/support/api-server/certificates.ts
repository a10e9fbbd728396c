import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A certificate with its key, both PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Signs certificates for servers and clients with openssl; its files are in a folder of the test. */
export class CertificateAuthority {
  /** The certificate of the authority, PEM. */
  readonly cert: string;
  readonly #folder: string;
  #count = 0;

  private constructor(folder: string, cert: string) {
    this.#folder = folder;
    this.cert = cert;
  }

  static async create(folder: string): Promise<CertificateAuthority> {
    const [cert, key] = [join(folder, "ca.pem"), join(folder, "ca-key.pem")];
    const usage = [
      "-addext",
      "basicConstraints=critical,CA:TRUE",
      "-addext",
      "keyUsage=critical,keyCertSign,cRLSign",
    ];
    await openssl([
      "req",
      "-x509",
      "-days",
      "2",
      ...newKey,
      "-subj",
      "/CN=test-ca",
      ...usage,
      "-keyout",
      key,
      "-out",
      cert,
    ]);
    return new CertificateAuthority(folder, await readFile(cert, "utf8"));
  }

  /** Returns a client certificate. The groups are organizations of its subject. */
  client(user: string, groups: readonly string[] = []): Promise<KeyPair> {
    const subject = `${groups.map((group) => `/O=${group}`).join("")}/CN=${user}`;
    return this.#issue(subject, "extendedKeyUsage=clientAuth");
  }

  /** Returns a serving certificate for names and addresses, such as `DNS:localhost` and `IP:127.0.0.1`. */
  server(names: readonly string[] = ["IP:127.0.0.1", "DNS:localhost"]): Promise<KeyPair> {
    return this.#issue("/CN=server", `extendedKeyUsage=serverAuth\nsubjectAltName=${names.join(",")}`);
  }

  async #issue(subject: string, extensions: string): Promise<KeyPair> {
    const name = join(this.#folder, `cert-${++this.#count}`);
    const [cert, key, request, config] = [`${name}.pem`, `${name}-key.pem`, `${name}.csr`, `${name}.ext`];
    await writeFile(config, `${extensions}\n`);
    await openssl(["req", ...newKey, "-subj", subject, "-keyout", key, "-out", request]);
    const ca = ["-CA", join(this.#folder, "ca.pem"), "-CAkey", join(this.#folder, "ca-key.pem")];
    const serial = ["-set_serial", String(Date.now() * 1000 + this.#count)];
    await openssl([
      "x509",
      "-req",
      "-in",
      request,
      ...ca,
      ...serial,
      "-days",
      "2",
      "-extfile",
      config,
      "-out",
      cert,
    ]);
    return { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
  }
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

async function openssl(args: readonly string[]): Promise<void> {
  await run("openssl", args, { timeout: 30_000 });
}
