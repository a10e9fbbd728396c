import type { EmbeddedOptions } from "../../../src/testing/index.js";
import type { SeededRandom } from "../random.js";

/** One of the runtimes that the embedded one behaves like. */
export function likeOf(random: SeededRandom): Pick<EmbeddedOptions, "like"> {
  return random.of<Pick<EmbeddedOptions, "like">>(
    {},
    { like: "containerd-1.7" },
    { like: "containerd-2.1" },
    { like: "cri-o" },
  );
}
