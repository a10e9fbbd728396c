import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { linkedController } from "../../core/index.js";
import type { Pod, Volume } from "../api/index.js";
import type { VolumePlan } from "../config/volume-plans.js";
import { prepareEmptyDir } from "./empty-dir.js";
import { ensureFolder } from "./folders.js";
import { prepareHostPath } from "./host-path.js";
import { ensureMemory } from "./memory.js";
import { isWithin, mountsWithin, readMountTable } from "./mount-table.js";
import { hasOwnership, setOwnership } from "./ownership.js";
import type { VolumeContext } from "./volume-context.js";
import { volumeError } from "./volume-error.js";
import { writeVolumeFiles } from "./volume-files.js";
import type { PluginVolumeSource, UnmountVolume, VolumePlugins } from "./volume-plugin.js";

type Plan<Kind extends VolumePlan["kind"]> = Extract<VolumePlan, { kind: Kind }>;

/** Prepares a volume. Returns what the plug-in returned that mounted it. */
export async function prepareVolume(
  plan: VolumePlan,
  pod: Pod,
  context: VolumeContext,
  plugins: VolumePlugins,
  signal: AbortSignal | undefined,
): Promise<UnmountVolume | undefined> {
  switch (plan.kind) {
    case "hostPath":
      await prepareHostPath(context.what, plan.source);
      return undefined;
    case "image":
      return undefined;
    case "emptyDir":
      checkFolder(plan, context);
      await prepareEmptyDir(plan, context);
      return undefined;
    case "files":
      await writeFilesVolume(plan, context);
      return undefined;
    case "plugin":
      checkFolder(plan, context);
      return await runPlugin(plan, pod, context, plugins, signal);
  }
}

/** Writes the files of a volume; those of a secret into memory. */
export async function writeFilesVolume(plan: Plan<"files">, context: VolumeContext): Promise<void> {
  const { hostPath, files, isSecret } = plan;
  checkFolder(plan, context);
  await ensureFolder(hostPath, 0o755);
  if (isSecret) await ensureMemory(hostPath, ["mode=0755", "nosuid", "nodev"], context);
  const { fsGroup } = context;
  const ownership = fsGroup === undefined ? undefined : { group: fsGroup, isReadOnly: true };
  await writeVolumeFiles(context.what, hostPath, files, ownership);
}

async function runPlugin(
  { volume, hostPath }: Plan<"plugin">,
  pod: Pod,
  { what, fsGroup }: VolumeContext,
  plugins: VolumePlugins,
  signal: AbortSignal | undefined,
): Promise<UnmountVolume> {
  const source = sourceOf(volume);
  const plugin = source && plugins[source];
  if (!plugin)
    throw volumeError(what, `this package cannot mount ${source ?? "a volume without a source"}`, {
      hint:
        source &&
        `Pass a plug-in that mounts it: \`plugins: { ${source}: async (volume, target) => unmount }\``,
    });
  await ensureFolder(hostPath);
  const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
  const mounted = mountsWithin(await readMountTable(), await realpath(hostPath));
  return await plugin(volume, hostPath, {
    pod: { name, namespace, uid },
    isMounted: mounted.length > 0,
    fsGroup,
    async setOwnership() {
      if (fsGroup === undefined) return;
      const ownership = { group: fsGroup, isReadOnly: false };
      const policy = pod.spec?.securityContext?.fsGroupChangePolicy;
      if (policy === "OnRootMismatch" && (await hasOwnership(hostPath, ownership))) return;
      await setOwnership(hostPath, ownership);
    },
    signal: signal ?? linkedController(undefined).signal,
  });
}

function sourceOf({ name: _, ...sources }: Volume): PluginVolumeSource | undefined {
  const keys = Object.keys(sources) as (keyof typeof sources)[];
  // Plans of other sources are not for plug-ins.
  return keys.find((key) => sources[key] !== undefined) as PluginVolumeSource | undefined;
}

/** The removal of a pod finds its volumes by their place. */
function checkFolder({ hostPath }: VolumePlan, { what, podFolder }: VolumeContext): void {
  if (!isWithin(hostPath, join(podFolder, "volumes")) || hostPath.split("/").includes(".."))
    throw volumeError(what, `its folder ${hostPath} must be below ${join(podFolder, "volumes")}`);
}
