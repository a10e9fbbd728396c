import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { chmod, mkdir, open, rename, rm } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { readRegularFile } from "../../../core/index.js";
import type { KubeletCertificate } from "../options.js";
import { selfSigned } from "./self-signed.js";

const hourMs = 3_600_000;
/** One year. */
const lifetimeMs = 365 * 24 * hourMs;
/** The share of its life after which a certificate is replaced. */
const renewalShare = 0.8;
/** Certificates begin in the past, for clients whose clock is late. */
const backdatedMs = hourMs;
const maxFileBytes = 65_536;

/** The node that a certificate is for. */
export interface CertificateSubject {
  readonly nodeName: string;
  /** The addresses and host names of the node. */
  readonly addresses: readonly string[];
}

/** The self-signed certificate of a kubelet's API, kept in a folder: `kubelet.crt` and `kubelet.key`, as the kubelet names them. */
export class CertificateStore {
  readonly #folder: string;
  readonly #now: () => number;

  /** @param now the time in milliseconds since 1970 */
  constructor(folder: string, now: () => number) {
    this.#folder = folder;
    this.#now = now;
  }

  /**
   * Returns the certificate that is kept; a new one, which replaces it, when it lacks a name of the node, when four fifths of its life have
   * passed, and when it cannot be read or does not belong to the key.
   */
  async get(subject: CertificateSubject): Promise<KubeletCertificate> {
    const names = namesOf(subject);
    const kept = await this.#read();
    if (kept && this.#isUsable(kept, names)) return kept;
    const now = this.#now();
    const created = selfSigned({
      organization: "system:nodes",
      commonName: `system:node:${subject.nodeName}`,
      names,
      notBefore: new Date(now - backdatedMs),
      notAfter: new Date(now + lifetimeMs),
    });
    await this.#write(created);
    return created;
  }

  #isUsable({ cert, key }: KubeletCertificate, names: readonly string[]): boolean {
    try {
      const certificate = new X509Certificate(cert);
      const [begin, end] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
      const now = this.#now();
      const hasName = (name: string) =>
        (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
      return (
        certificate.checkPrivateKey(createPrivateKey(key)) &&
        now >= begin &&
        now < begin + (end - begin) * renewalShare &&
        names.every(hasName)
      );
    } catch {
      return false;
    }
  }

  async #read(): Promise<KubeletCertificate | undefined> {
    try {
      const [cert, key] = await Promise.all(
        [this.#certFile, this.#keyFile].map((file) => readRegularFile(file, { maxBytes: maxFileBytes })),
      );
      return cert && key ? { cert, key } : undefined;
    } catch {
      return undefined;
    }
  }

  async #write({ cert, key }: KubeletCertificate): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await chmod(this.#folder, 0o700);
    // A crash between the two leaves a key that is not the certificate's: the next start replaces both.
    await writeAtomically(this.#keyFile, key, 0o600);
    await writeAtomically(this.#certFile, cert, 0o644);
  }

  get #certFile(): string {
    return join(this.#folder, "kubelet.crt");
  }

  get #keyFile(): string {
    return join(this.#folder, "kubelet.key");
  }
}

/** Returns the names of a node's certificate, each once. Names that are not ASCII cannot be in a certificate. */
function namesOf({ nodeName, addresses }: CertificateSubject): readonly string[] {
  const names = [nodeName, ...addresses, "localhost", "127.0.0.1", "::1"].map((name) =>
    isIP(name) ? name : name.toLowerCase(),
  );
  return [...new Set(names)].filter((name) => isIP(name) || /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/.test(name));
}

async function writeAtomically(path: string, content: string | Buffer, mode: number): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
