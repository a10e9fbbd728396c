import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { CertificateStore } from "../../../src/kubelet/server/certificate/certificate-store.js";
import { selfSigned } from "../../../src/kubelet/server/certificate/self-signed.js";
import { clientCertificates } from "../../support/certificate.js";
import { servedPods, startServer } from "../../support/kubelet-server.js";
import { tempFolder } from "../../support/temp.js";

const dayMs = 86_400_000;
const run = promisify(execFile);

test("openssl and Node agree with what a self-signed certificate says", async (t) => {
  const notBefore = new Date("2026-03-01T12:00:00Z");
  const notAfter = new Date("2061-01-02T03:04:05Z");
  const names = ["node-1", "node-1.example", "192.0.2.7", "2001:db8::7", "::ffff:192.0.2.8", "::1"];
  const { cert, key } = selfSigned({
    ...{ organization: "system:nodes", commonName: "system:node:ünïcode", names, notBefore, notAfter },
  });
  const file = join(await tempFolder(t), "cert.pem");
  await writeFile(file, cert);
  const { stdout } = await run("openssl", ["x509", "-in", file, "-noout", "-text", "-nameopt", "utf8"]);
  assert.match(stdout, /Version: 3 \(0x2\)/);
  assert.match(stdout, /ASN1 OID: prime256v1/);
  assert.match(stdout, /Not Before: Mar {2}1 12:00:00 2026 GMT/);
  assert.match(stdout, /Not After : Jan {2}2 03:04:05 2061 GMT/);
  assert.match(stdout, /Subject: .*O *= *system:nodes.*CN *= *system:node:ünïcode/);
  assert.match(stdout, /CA:FALSE/);
  assert.match(stdout, /TLS Web Server Authentication/);
  await run("openssl", ["verify", "-x509_strict", "-CAfile", file, "-attime", "1800000000", file]);

  const certificate = new X509Certificate(cert);
  assert.ok(certificate.verify(certificate.publicKey));
  for (const name of ["node-1", "node-1.example"]) assert.ok(certificate.checkHost(name), name);
  for (const ip of ["192.0.2.7", "2001:db8::7", "::1"]) assert.ok(certificate.checkIP(ip), ip);
  assert.equal(certificate.checkIP("192.0.2.9"), undefined);
  assert.equal(certificate.checkHost("node-2"), undefined);
  assert.match(String(key), /^-----BEGIN PRIVATE KEY-----/);
});

test("every address and every length of the key and the signature can be written", () => {
  const addresses = ["::", "1::", "::1:2", "1:2:3:4:5:6:7:8", "fe80::1%eth0", "64:ff9b::1.2.3.4", "0.0.0.0"];
  for (let round = 0; round < 40; round++) {
    const { cert } = selfSigned({
      organization: "o",
      commonName: "n".repeat(100),
      names: [...addresses, `host-${"x".repeat(round * 5)}`],
      notBefore: new Date(0),
      notAfter: new Date(dayMs),
    });
    const certificate = new X509Certificate(cert);
    assert.ok(certificate.verify(certificate.publicKey));
    for (const address of addresses.filter((one) => !one.includes("%")))
      assert.ok(certificate.checkIP(address), address);
    assert.ok(certificate.subject.endsWith(`CN=${"n".repeat(64)}`));
  }
});

test("a certificate is kept, and replaced when it gets old, lacks a name, or is damaged", async (t) => {
  const folder = join(await tempFolder(t), "pki");
  let now = Date.parse("2026-06-01T00:00:00Z");
  const store = () => new CertificateStore(folder, () => now);
  const subject = { nodeName: "Node", addresses: ["192.0.2.7"] };
  const get = async (one = subject) => String((await store().get(one)).cert);
  const first = await get();
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  assert.equal((await stat(join(folder, "kubelet.key"))).mode & 0o777, 0o600);
  assert.ok(new X509Certificate(first).checkHost("node"));
  assert.ok(new X509Certificate(first).checkIP("127.0.0.1"));
  assert.equal(await get(), first);
  now += 290 * dayMs;
  assert.equal(await get(), first);
  now += 3 * dayMs;
  const second = await get();
  assert.notEqual(second, first);
  assert.ok(Date.parse(new X509Certificate(second).validTo) > now + 364 * dayMs);
  // The clock was set back to before the certificate.
  now -= 300 * dayMs;
  const third = await get();
  assert.notEqual(third, second);
  const more = { ...subject, addresses: ["192.0.2.7", "192.0.2.8"] };
  const fourth = await get(more);
  assert.notEqual(fourth, third);
  // A certificate for more than the node's names is as good.
  assert.equal(await get(), fourth);
  await chmod(join(folder, "kubelet.crt"), 0o600);
  await writeFile(join(folder, "kubelet.crt"), first);
  const fifth = await get(more);
  assert.notEqual(fifth, fourth);
  assert.equal(String(await readFile(join(folder, "kubelet.crt"))), fifth);
  await writeFile(join(folder, "kubelet.key"), "no key");
  assert.notEqual(await get(more), fifth);
});

/** Connects, and returns the server's certificate once a request was answered. */
async function peerOf(port: number, options: object): Promise<PeerCertificate> {
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const one = connect({ port, host: "127.0.0.1", ...options });
    one.once("secureConnect", () => resolve(one));
    one.once("error", reject);
  });
  const certificate = socket.getPeerCertificate();
  socket.destroy();
  return certificate;
}

test("a server's own certificate is trusted by clients that have it, and survives a restart", async (t) => {
  const { server, rootDir, view } = await servedPods(t, []);
  const ca = await readFile(join(rootDir, "pki", "kubelet.crt"));
  const { fingerprint256 } = await peerOf(server.server.port, { ca });
  await server.server.close();
  const second = await startServer(t, view, rootDir);
  assert.equal((await peerOf(second.server.port, { ca })).fingerprint256, fingerprint256);
});

test("client certificates of the client CA are users: the name is the user, organizations are groups", async (t) => {
  const pki = await clientCertificates(t);
  const users: unknown[] = [];
  const { server } = await servedPods(t, [], {
    options: {
      clientCa: pki.ca,
      authorize: async ({ name, groups }) => {
        users.push([name, groups]);
        return { allowed: true };
      },
    },
  });
  const get = (client: object, authorization = "") =>
    server.get("/pods", { ...client, headers: { authorization } });
  assert.equal((await get(pki.client)).status, 200);
  assert.deepEqual(users, [["kube-apiserver", ["group:a", "group:b", "system:authenticated"]]]);
  assert.equal((await get({})).status, 401);
  // A certificate of another CA, one for servers, and one that has expired.
  for (const wrong of [pki.stranger, pki.server, pki.expired]) assert.equal((await get(wrong)).status, 401);
  // The token is enough, whatever the certificate.
  assert.equal((await get(pki.stranger, "Bearer admin-token")).status, 200);
});

test("a resumed TLS session has the user of the first one", async (t) => {
  const pki = await clientCertificates(t);
  const { server } = await servedPods(t, [], {
    options: { clientCa: pki.ca, authorize: async ({ name }) => ({ allowed: name === "kube-apiserver" }) },
  });
  let session: Buffer | undefined;
  for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const) {
    session = undefined;
    for (const isResumed of [false, true]) {
      const options = { port: server.server.port, host: "127.0.0.1", rejectUnauthorized: false, maxVersion };
      const socket: TLSSocket = connect({ ...options, ...pki.client, session });
      socket.on("session", (one: Buffer) => {
        session = one;
      });
      let wasReused: boolean | undefined;
      socket.once("secureConnect", () => {
        wasReused = socket.isSessionReused();
      });
      socket.write("GET /pods HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      let text = "";
      for await (const chunk of socket) text += chunk;
      assert.match(text, /^HTTP\/1\.1 200 OK/, `${maxVersion}, resumed: ${isResumed}`);
      assert.equal(wasReused, isResumed, maxVersion);
    }
  }
});

test("a certificate that cannot be used is refused", async (t) => {
  await assert.rejects(servedPods(t, [], { options: { certificate: { cert: "x", key: "y" } } }), {
    reason: "invalid_option",
  });
});
