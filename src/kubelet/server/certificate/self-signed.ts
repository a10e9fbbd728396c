import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP, SocketAddress } from "node:net";
import type { KubeletCertificate } from "../options.js";
import {
  bitString,
  integer,
  objectId,
  octetString,
  sequence,
  setOf,
  tagged,
  time,
  trueValue,
  utf8String,
} from "./der.js";

/** What a self-signed certificate says. */
export interface SelfSignedInit {
  /** The subject's organization and common name; the name is cut to 64 characters, the most that X.509 permits. */
  readonly organization: string;
  readonly commonName: string;
  /** The host names and the addresses that the certificate is valid for. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const ids = {
  organization: "2.5.4.10",
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

/** Context-specific tags of a certificate and of its alternative names. */
const contextTags = { version: 0xa0, extensions: 0xa3, dnsName: 0x82, ipAddress: 0x87 } as const;

const maxCommonNameLength = 64;

/** Creates a key (EC, P-256) and a certificate of a server that the key itself has signed. */
export function selfSigned(init: SelfSignedInit): KubeletCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const algorithm = sequence(objectId(ids.ecdsaWithSha256));
  const toSign = tbsCertificate(init, publicKey, algorithm);
  const certificate = sequence(toSign, algorithm, bitString(sign("sha256", toSign, privateKey)));
  return {
    cert: pem("CERTIFICATE", certificate),
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

function tbsCertificate(init: SelfSignedInit, publicKey: KeyObject, algorithm: Buffer): Buffer {
  const subject = sequence(
    nameAttribute(ids.organization, init.organization),
    nameAttribute(ids.commonName, init.commonName.slice(0, maxCommonNameLength)),
  );
  const keyInfo = publicKey.export({ type: "spki", format: "der" });
  return sequence(
    tagged(contextTags.version, integer(Buffer.from([2]))),
    integer(randomBytes(16)),
    algorithm,
    subject,
    sequence(time(init.notBefore), time(init.notAfter)),
    subject,
    keyInfo,
    tagged(contextTags.extensions, extensions(init.names, keyInfo)),
  );
}

function extensions(names: readonly string[], keyInfo: Buffer): Buffer {
  const digitalSignature = bitString(Buffer.from([0x80]), 7);
  const keyId = createHash("sha1").update(keyInfo).digest();
  return sequence(
    extension(ids.basicConstraints, sequence(), true),
    extension(ids.keyUsage, digitalSignature, true),
    extension(ids.extendedKeyUsage, sequence(objectId(ids.serverAuth)), false),
    extension(ids.subjectKeyId, octetString(keyId), false),
    extension(ids.subjectAltName, sequence(...names.map(alternativeName)), false),
  );
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  return sequence(objectId(id), ...(isCritical ? [trueValue()] : []), octetString(value));
}

function nameAttribute(id: string, value: string): Buffer {
  return setOf(sequence(objectId(id), utf8String(value)));
}

function alternativeName(name: string): Buffer {
  return isIP(name)
    ? tagged(contextTags.ipAddress, addressBytes(name))
    : tagged(contextTags.dnsName, Buffer.from(name, "latin1"));
}

/** Returns the 4 or 16 bytes of an address. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  // Node writes IPv6 addresses in hexadecimal groups, also those that end with an IPv4 address, except for mapped ones.
  const written = new SocketAddress({ address: withoutZone(address), family: "ipv6" }).address;
  const mapped = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(written);
  const text = mapped
    ? `${mapped[1]}${hexPair(mapped[2], mapped[3])}:${hexPair(mapped[4], mapped[5])}`
    : written;
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => part.split(":").filter((group) => group !== "");
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, "0")).join(""), "hex");
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}

function hexPair(high: string | undefined, low: string | undefined): string {
  return Buffer.from([Number(high), Number(low)]).toString("hex");
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
