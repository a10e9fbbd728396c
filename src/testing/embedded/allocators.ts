// What each new pod and container gets: an id, and an address.
import { createHash, randomInt } from "node:crypto";
import { criError } from "../../core/index.js";

/** Generates ids of 64 hexadecimal digits, as runtimes do. The same seed generates the same ids in the same order. */
export class IdGenerator {
  readonly #seed: string;
  #count = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  next(): string {
    return createHash("sha256")
      .update(`${this.#seed}/${this.#count++}`)
      .digest("hex");
  }
}

/** 127.64.0.0 to 127.191.255.255. */
const addressCount = 128 * 65_536;

/**
 * A pool of loopback addresses for pods, from a random one on. On Linux, all of 127.0.0.0/8 reaches this host. The pools of other runtimes
 * on this host begin elsewhere, so that programs of two runtimes can listen on the same port.
 */
export class AddressPool {
  readonly #taken = new Set<number>();
  #next = randomInt(addressCount);

  take(): string {
    for (let tries = 0; tries < addressCount; tries++) {
      const number = this.#next;
      this.#next = (number + 1) % addressCount;
      if (this.#taken.has(number) || isReserved(number)) continue;
      this.#taken.add(number);
      return `127.${64 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
    }
    throw criError("runtime_error", `all ${addressCount} pod addresses are in use`, {
      code: "resource_exhausted",
    });
  }

  release(ip: string): void {
    const [, a = 0, b = 0, c = 0] = ip.split(".").map(Number);
    this.#taken.delete(((a - 64) << 16) | (b << 8) | c);
  }
}

/** Addresses that end with 0 or 255 look like those of a network. */
function isReserved(number: number): boolean {
  return (number & 255) === 0 || (number & 255) === 255;
}
