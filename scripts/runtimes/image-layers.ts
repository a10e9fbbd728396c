import { readFile } from "node:fs/promises";
import { runCommand } from "./command.js";
import { type TarEntry, writeTar } from "./tar.js";

const passwd = `root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
app:x:1001:1002:app:/tmp:/bin/sh
`;
const group = `root:x:0:
nogroup:x:65534:
app:x:1002:
`;

/** Returns a root file system as a tar layer: static busybox with a link per applet, two users in addition to root, and `/tmp`. */
export async function busyboxLayer(busybox: string): Promise<Buffer> {
  const applets = (await runCommand(busybox, ["--list"])).split("\n").filter((name) => name !== "");
  const entries: TarEntry[] = [
    { kind: "folder", path: "bin" },
    { kind: "folder", path: "etc" },
    { kind: "folder", path: "root", mode: 0o700 },
    { kind: "folder", path: "tmp", mode: 0o1777 },
    { kind: "folder", path: "var" },
    { kind: "file", path: "etc/passwd", content: Buffer.from(passwd) },
    { kind: "file", path: "etc/group", content: Buffer.from(group) },
    { kind: "file", path: "bin/busybox", content: await readFile(busybox), mode: 0o755 },
  ];
  for (const applet of applets) {
    if (applet !== "busybox") entries.push({ kind: "link", path: `bin/${applet}`, target: "busybox" });
  }
  return writeTar(entries);
}

/** Returns a layer with one small text file, for images that are listed but never run. */
export function tinyLayer(): Buffer {
  return writeTar([{ kind: "file", path: "hello.txt", content: Buffer.from("hello from cri-sdk\n") }]);
}
