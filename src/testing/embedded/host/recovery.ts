import { readdir } from "node:fs/promises";
import type { StartedSession } from "./belonging.js";
import { unusableFolder } from "./failures.js";
import { sessionsWriting } from "./pipe-holders.js";
import { readProcesses } from "./process-table.js";
import { removeTree } from "./remove-tree.js";
import { SessionRecords } from "./session-records.js";
import type { StateFolder } from "./state-folder.js";
import { sweep } from "./sweep.js";

/** Ends the processes that an earlier owner of the folder left behind, and then removes what it left of files. */
export async function recover(folder: StateFolder): Promise<void> {
  const names = await readdir(folder.containers);
  const sessions: StartedSession[] = [];
  const pipes = new Map<string, string>();
  for (const name of names) {
    const records = new SessionRecords(`${folder.containers}/${name}/sessions`, `${folder.id}/${name}/`);
    records.load();
    sessions.push(...records.all);
    for (const [pipe, marker] of records.launchedPipes) pipes.set(pipe, marker);
  }
  if (pipes.size > 0) sessions.push(...sessionsWriting(await readProcesses(), pipes));
  const left = await sweep(() => ({ marker: `${folder.id}/`, sessions }));
  if (left.length > 0)
    throw unusableFolder(
      folder.path,
      `processes of an earlier use do not end (${left.slice(0, 5).join(", ")})`,
      "Try again when they have ended, or choose another folder",
    );
  for (const name of names) await removeTree(`${folder.containers}/${name}`);
}
