import { readdir } from "node:fs/promises";
import { unusableFolder } from "./failures.js";
import { removeTree } from "./remove-tree.js";
import { SessionRecords } from "./session-records.js";
import type { StateFolder } from "./state-folder.js";
import { sweep } from "./sweep.js";

/** Ends the processes that an earlier owner of the folder left behind, and then removes what it left of files. */
export async function recover(folder: StateFolder): Promise<void> {
  const names = await readdir(folder.containers);
  const sessions = names.flatMap((name) => {
    const records = new SessionRecords(`${folder.containers}/${name}/sessions`, `${folder.id}/${name}/`);
    records.load();
    return records.all;
  });
  const left = await sweep(() => ({ marker: `${folder.id}/`, sessions }));
  if (left.length > 0)
    throw unusableFolder(
      folder.path,
      `processes of an earlier use do not end (${left.slice(0, 5).join(", ")})`,
      "Try again when they have ended, or choose another folder",
    );
  for (const name of names) await removeTree(`${folder.containers}/${name}`);
}
