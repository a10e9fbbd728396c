import { CriError } from "../../core/index.js";

/**
 * A loopback address for each pod, which this host can reach: 127.77.0.1 and on. All of 127.0.0.0/8 is this host on
 * Linux. Two runtimes of one process may give out the same ones, since nothing listens on an address for being a pod's.
 */
export class Addresses {
  readonly #taken = new Set<number>();
  #next = 1;

  take(): string {
    for (let tries = 0; tries < last; tries++) {
      const number = this.#next;
      this.#next = number === last ? 1 : number + 1;
      if (this.#taken.has(number)) continue;
      this.#taken.add(number);
      return `127.${77 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
    }
    throw new CriError({
      code: "resource_exhausted",
      reason: "runtime_error",
      text: "no pod address is left",
    });
  }

  give(ip: string): void {
    const [, a = 0, b = 0, c = 0] = ip.split(".").map(Number);
    this.#taken.delete(((a - 77) << 16) | (b << 8) | c);
  }
}

/** 127.77.0.1 to 127.80.255.255: the first of them is free to be a network's name. */
const last = 4 * 65_536 - 1;
