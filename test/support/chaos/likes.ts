import type { RuntimeLike } from "../../../src/testing/index.js";
import type { SeededRandom } from "../random.js";

/** Returns one of the runtimes that the embedded one behaves like; undefined for the specification. */
export function likeOf(random: SeededRandom): RuntimeLike | undefined {
  return random.of<RuntimeLike | undefined>(undefined, "containerd-1.7", "containerd-2.1", "cri-o");
}
