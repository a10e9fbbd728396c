// Compiled by `npx tsc -p .`, never run: each @ts-expect-error fails the build when the line below it compiles.
import {
  type CredentialSource,
  type Cri,
  dockerAuth,
  keyring,
  type NodeImage,
  podmanAuth,
} from "../../src/index.js";

export async function pulls({ images }: Cri): Promise<void> {
  const image: NodeImage = await images.ensure("x", {
    policy: "IfNotPresent",
    auth: undefined,
    onProgress: undefined,
  });
  const absent: NodeImage | undefined = await images.get(image.id);
  // @ts-expect-error the image may be missing
  void absent.id;
  // @ts-expect-error an unknown policy
  void images.ensure("x", { policy: "Sometimes" });
  // @ts-expect-error `pull` always asks the registry
  void images.pull("x", { policy: "Never" });
  // @ts-expect-error the unit is in the name
  void images.pull("x", { stalled: 5 });
  // @ts-expect-error sizes are bigints
  void (image.sizeBytes + 1);
}

export function credentials({ images }: Cri, source: CredentialSource): void {
  void images.pull("x", { auth: { username: "u", password: "p" } });
  void images.pull("x", { auth: { identityToken: "t" } });
  void images.pull("x", { auth: [source, dockerAuth(), podmanAuth("/a"), keyring("{}"), () => undefined] });
  void images.pull("x", {
    auth: async ({ domain }, { signal }) => (signal.aborted || domain ? [] : undefined),
  });
  // @ts-expect-error a name needs a password
  void images.pull("x", { auth: { username: "u" } });
  // @ts-expect-error one or the other
  void images.pull("x", { auth: { username: "u", password: "p", identityToken: "t" } });
  // @ts-expect-error a path is not a source of credentials; dockerAuth(path) is one
  void images.pull("x", { auth: "/root/.docker/config.json" });
}

export async function cleaning({ images }: Cri): Promise<void> {
  const { kept } = await images.prune({ keep: ["a", "b"], dryRun: true });
  for (const { reason } of kept) {
    // @ts-expect-error an unknown reason
    void (reason === "unused");
  }
  void images.list({ only: ({ pinned }) => pinned });
  // @ts-expect-error a selection is not an object
  void images.list({ only: /x/ });
}
