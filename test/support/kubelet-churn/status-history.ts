import type { ContainerStatus } from "../../../src/kubernetes/index.js";
import type { StoredPod, TestCluster } from "../api-server/index.js";
import type { StoreEvent } from "../api-server/store.js";

const ranks: Readonly<Record<string, number>> = { Pending: 0, Running: 1, Succeeded: 2, Failed: 2 };

/** A restart that a status reported. */
export interface ReportedRestart {
  readonly pod: string;
  readonly from: ContainerStatus<string>;
  readonly to: ContainerStatus<string>;
}

/** Follows all versions of all Pods at the API server: no status may go backwards, and no Pod may vanish while its containers run. */
export class StatusHistory {
  readonly problems: string[] = [];
  readonly restarts: ReportedRestart[] = [];
  /** A line for each Pod that was deleted. */
  readonly deletions: string[] = [];
  /** How many versions were compared. */
  versions = 0;
  readonly #last = new Map<string, StoredPod>();
  readonly #unsubscribe: () => void;

  constructor(cluster: TestCluster) {
    this.#unsubscribe = cluster.server.store.subscribe((event) => this.#add(event));
  }

  stop(): void {
    this.#unsubscribe();
  }

  #add({ resource, type, object }: StoreEvent): void {
    if (resource !== "pods") return;
    // The store holds Pods as clients sent them.
    const pod = object as unknown as StoredPod;
    const { uid = "" } = object.metadata;
    const before = this.#last.get(uid);
    this.versions++;
    if (type === "DELETED") {
      this.deletions.push(
        `${nameOf(pod)} ${new Date().toISOString()} ${JSON.stringify(pod.metadata?.deletionTimestamp)} ${JSON.stringify(pod.status.containerStatuses?.map(({ containerID, state }) => [containerID, state]))}`,
      );
      this.#last.delete(uid);
      if (!object.metadata.deletionTimestamp) this.#report(pod, "was deleted at once");
      for (const { name, state } of pod.status.containerStatuses ?? [])
        if (state?.running) this.#report(pod, `was deleted while ${name} was running`);
      return;
    }
    this.#last.set(uid, pod);
    if (before) this.#compare(before, pod);
  }

  #compare(before: StoredPod, after: StoredPod): void {
    const [was, is] = [before.status, after.status];
    const versionOf = ({ metadata }: StoredPod) => Number(metadata?.resourceVersion);
    if (versionOf(after) <= versionOf(before)) this.#report(after, "has an older version");
    const [from = 0, to = 0] = [ranks[was.phase ?? ""], ranks[is.phase ?? ""]];
    if (to < from || (from === 2 && was.phase !== is.phase))
      this.#report(after, `the phase went from ${was.phase} to ${is.phase}`);
    if (was.startTime !== undefined && is.startTime !== was.startTime)
      this.#report(after, `startTime went from ${was.startTime} to ${is.startTime}`);
    if (was.podIP && is.podIP !== was.podIP)
      this.#report(after, `podIP went from ${was.podIP} to ${is.podIP}`);
    if (!after.metadata?.deletionTimestamp)
      for (const { type, status } of was.conditions ?? [])
        if (status === "True" && is.conditions?.find((one) => one.type === type)?.status !== "True")
          this.#report(after, `${type} is not True any more`);
    for (const old of was.containerStatuses ?? []) {
      const now = is.containerStatuses?.find(({ name }) => name === old.name);
      if (now) this.#compareContainers(after, old, now);
      else this.#report(after, `the status of ${old.name} is gone`);
    }
  }

  #compareContainers(pod: StoredPod, old: ContainerStatus<string>, now: ContainerStatus<string>): void {
    if (now.restartCount < old.restartCount) this.#report(pod, "restartCount fell");
    if (now.restartCount > old.restartCount) {
      this.restarts.push({ pod: nameOf(pod), from: old, to: now });
      return;
    }
    const changed = `${JSON.stringify(old)} became ${JSON.stringify(now)}`;
    if (old.containerID && now.containerID !== old.containerID) this.#report(pod, changed);
    else if (old.state?.terminated && !now.state?.terminated) this.#report(pod, changed);
    else if (old.state?.running && now.state?.waiting) this.#report(pod, changed);
    else if (
      old.state?.running &&
      now.state?.running &&
      old.state.running.startedAt !== now.state.running.startedAt
    )
      this.#report(pod, changed);
  }

  #report(pod: StoredPod, problem: string): void {
    this.problems.push(`${nameOf(pod)}: ${problem}`);
  }
}

function nameOf({ metadata }: StoredPod): string {
  return metadata?.name ?? "";
}
