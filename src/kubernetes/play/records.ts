/** Which process plays which pod on a node: one small file for each pod, which outlives a crash. */
import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, criError, isRecord } from "../../core/index.js";
import { ownProcessIdentity, processState } from "../../pods/index.js";

/** A pod that is played, or was when its process died. */
export interface PlayRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** The process that plays it; "" for a pod that was left running. */
  readonly process: string;
  /** Whether the process has not touched the record for long. */
  readonly isStale?: boolean;
}

/** How often the record of a pod is touched, and how old one may be whose process this one cannot see. */
const heartbeatMs = 20_000;
const staleMs = 90_000;

/** The largest number of records that are read at a time: each takes a file descriptor. */
const maxConcurrency = 8;

/** The records of this process, by their paths. Their age shows processes in other PID namespaces that it lives. */
const ownRecords = new Map<string, PlayRecord>();
let heartbeat: NodeJS.Timeout | undefined;

/** Starts the heartbeat with the first record, and ends it after the last: pods that come and go must not delay it. */
function updateHeartbeat(): void {
  if (ownRecords.size > 0) heartbeat ??= setInterval(beat, heartbeatMs).unref();
  else {
    clearInterval(heartbeat);
    heartbeat = undefined;
  }
}

function beat(): void {
  const now = new Date();
  for (const path of ownRecords.keys()) utimes(path, now, now).catch(() => undefined);
}

/** The records in one root folder. */
export class PlayRecords {
  readonly #folder: string;

  /** @param folder the folder of the records in the root folder */
  constructor(rootDir: string, folder = "played") {
    this.#folder = join(rootDir, folder);
  }

  /**
   * Makes this process the one that plays a pod. Rejects with `name_reserved` while another process does, or this one already. Succeeds for
   * a pod whose process has died. Returns whether the pod had no record before.
   */
  async claim(pod: Omit<PlayRecord, "process" | "isStale">): Promise<boolean> {
    const path = this.#path(pod.uid);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const record = { ...pod, process: ownProcessIdentity() };
    const draft = await this.#draft(record);
    try {
      // A few rounds: other processes may claim and release it at the same time.
      for (let round = 0; round < 10; round++) {
        if (await created(() => link(draft, path))) {
          ownRecords.set(path, record);
          updateHeartbeat();
          return round === 0;
        }
        const current = await this.#read(pod.uid);
        if (current !== undefined && isAlive(current)) break;
        if (current !== undefined) await this.#remove(pod.uid, current);
      }
    } finally {
      await rm(draft, { force: true });
    }
    throw criError("name_reserved", `pod ${pod.namespace}/${pod.name} (${pod.uid}) is already being played`, {
      hint: "Stop it where it is played, or give the Pod another name",
    });
  }

  /** Leaves a pod to the next process that claims it. */
  async leave(pod: Omit<PlayRecord, "process" | "isStale">): Promise<void> {
    this.#endHeartbeat(pod.uid);
    await rename(await this.#draft({ ...pod, process: "" }), this.#path(pod.uid));
  }

  /** Forgets a pod that was removed. */
  async release(uid: string): Promise<void> {
    this.#endHeartbeat(uid);
    await rm(this.#path(uid), { force: true });
  }

  #endHeartbeat(uid: string): void {
    ownRecords.delete(this.#path(uid));
    updateHeartbeat();
  }

  /** Returns the records of the pods with this name. Those of this process are not read: it may play many pods. */
  async named(namespace: string, name: string): Promise<readonly PlayRecord[]> {
    let files: readonly string[];
    try {
      files = await readdir(this.#folder);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
    const uids = files.flatMap((file) => /^([^.].*)\.json$/.exec(file)?.[1] ?? []);
    const found: PlayRecord[] = [];
    const work = async () => {
      for (let uid = uids.pop(); uid !== undefined; uid = uids.pop()) {
        const one = ownRecords.get(this.#path(uid)) ?? (await this.#read(uid));
        if (one?.namespace === namespace && one.name === name) found.push(one);
      }
    };
    await Promise.all(Array.from({ length: maxConcurrency }, work));
    return found;
  }

  async #read(uid: string): Promise<ReadRecord | undefined> {
    try {
      const text = await readFile(this.#path(uid), "utf8");
      const { mtimeMs } = await stat(this.#path(uid));
      const isStale = Date.now() - mtimeMs > staleMs;
      return { ...fieldsOf(text), uid, isStale, text };
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Removes the record of a dead process, unless another one has replaced it meanwhile. */
  async #remove(uid: string, expected: ReadRecord): Promise<void> {
    const aside = join(this.#folder, `.${uid}.${process.pid}.${draftNumber++}`);
    try {
      await rename(this.#path(uid), aside);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return;
      throw error;
    }
    if ((await readFile(aside, "utf8")) !== expected.text) await created(() => link(aside, this.#path(uid)));
    await rm(aside, { force: true });
  }

  /** Writes a record to a file that no one reads yet, so that it appears whole. */
  async #draft(record: PlayRecord): Promise<string> {
    const path = join(this.#folder, `.${record.uid}.${process.pid}.${draftNumber++}`);
    await writeFile(path, textOf(record), { mode: 0o600 });
    return path;
  }

  #path(uid: string): string {
    if (!/^[\w.-]+$/.test(uid) || uid.startsWith("."))
      throw criError(
        "invalid_spec",
        `metadata.uid: must consist of letters, digits, "-", "_" and ".", got ${JSON.stringify(uid)}`,
      );
    return join(this.#folder, `${uid}.json`);
  }
}

let draftNumber = 0;

/** A record with the text of its file. */
interface ReadRecord extends PlayRecord {
  readonly text: string;
}

/** Reads the text of a record. After a power failure, it may be empty: the player of such a record is dead, and its pod is unknown. */
function fieldsOf(text: string): Pick<PlayRecord, "namespace" | "name" | "process"> {
  const fields: unknown = (() => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  })();
  const field = (name: string) => {
    const value = isRecord(fields) ? fields[name] : undefined;
    return typeof value === "string" ? value : "";
  };
  return { namespace: field("namespace"), name: field("name"), process: field("process") };
}

/** Whether the process of a record may still play the pod. Of a process in another PID namespace, the age of the record decides. */
export function isAlive({ process: owner, isStale = false }: PlayRecord): boolean {
  if (owner === "") return false;
  const state = processState(owner);
  return state === "alive" || (state === "unknown" && !isStale);
}

function textOf({ namespace, name, uid, process: owner }: PlayRecord): string {
  return JSON.stringify({ namespace, name, uid, process: owner });
}

/** Returns false when the file exists already. */
async function created(step: () => Promise<void>): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}
