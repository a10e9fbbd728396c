// The disk space of images, and of the writable layers of containers, whose files the engine walks for it.
import { dateToNanos } from "cri-sdk";
import type { DiskUsage, EngineInfo } from "../engine/api.js";
import type { Engine } from "../engine/client.js";

/** How much longer figures are reported than they took to measure: so the engine measures for 5 % of the time. */
const ageFactor = 20;
/** The limits of that, in milliseconds. */
const minAgeMs = 1_000;
const maxAgeMs = 60_000;

interface Usage {
  readonly root: string;
  readonly imageBytes: number;
  readonly containerBytes: number;
  readonly timestamp: bigint;
}

export class ImageUsage {
  readonly #engine: Engine;
  #usage: Promise<Usage> | undefined;
  #validUntil = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Returns ImageFsInfo. It has no inodes: the engine does not count them, and those of the whole file system are something else. */
  async read() {
    if (!this.#usage || performance.now() > this.#validUntil) {
      this.#validUntil = Number.POSITIVE_INFINITY;
      this.#usage = this.#measure();
    }
    const { root, imageBytes, containerBytes, timestamp } = await this.#usage;
    const usageOf = (bytes: number) => ({
      timestamp,
      fsId: { mountpoint: root },
      usedBytes: { value: BigInt(bytes) },
    });
    return { imageFilesystems: [usageOf(imageBytes)], containerFilesystems: [usageOf(containerBytes)] };
  }

  async #measure(): Promise<Usage> {
    const startedAt = performance.now();
    try {
      const [{ DockerRootDir: root }, { LayersSize: imageBytes, Containers: containers }] = await Promise.all(
        [
          this.#engine.call<EngineInfo>("GET", "/info"),
          // Docker 20.10 ignores `type` and measures the volumes, too.
          this.#engine.call<DiskUsage>("GET", "/system/df?type=image&type=container"),
        ],
      );
      const containerBytes = (containers ?? []).reduce((sum, { SizeRw = 0 }) => sum + SizeRw, 0);
      return { root, imageBytes, containerBytes, timestamp: dateToNanos(new Date()) };
    } finally {
      const endedAt = performance.now();
      const ageMs = Math.max(minAgeMs, ageFactor * (endedAt - startedAt));
      this.#validUntil = endedAt + Math.min(ageMs, maxAgeMs);
    }
  }
}
