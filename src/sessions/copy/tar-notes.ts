import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** What tar remarks on a file, as a line of its own, and what that means for the copy. */
const remarks: readonly { readonly text: RegExp; readonly reason: string }[] = [
  { text: /^tar: (.*): socket ignored$/s, reason: "it is a socket" },
  {
    text: /^tar: (.*): file changed as we read it$/s,
    reason: "it is copied, and changed while it was read",
  },
  {
    text: /^tar: (.*): File removed before we read it$/s,
    reason: "it was removed before it was read",
  },
];
/** More than the longest path takes, with every byte of it spelled out. */
const lineLimit = 20_000;
const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** A file that tar remarked on. */
export interface TarNote {
  /** As tar names it in the archive. */
  readonly name: string;
  readonly reason: string;
}

/** Reads tar's complaints, and tells its remarks on single files, which fail nothing, from everything else. */
export class TarNotes {
  readonly list: TarNote[] = [];
  #onlyNotes = true;
  #rest = "";

  constructor(stderr: Readable | undefined) {
    const decoder = new StringDecoder("utf8");
    stderr?.on("data", (part: Buffer) => {
      const lines = (this.#rest + decoder.write(part)).split("\n");
      this.#rest = (lines.pop() ?? "").slice(0, lineLimit);
      for (const line of lines) this.#read(line);
    });
  }

  /** Whether tar said nothing else. GNU tar ends with 1 then, though all that was there is in the archive. */
  get harmless(): boolean {
    return this.#onlyNotes && this.#rest === "" && this.list.length > 0;
  }

  #read(line: string): void {
    for (const { text, reason } of remarks) {
      const name = text.exec(line)?.[1];
      if (name === undefined) continue;
      this.list.push({ name: unquoted(name), reason });
      return;
    }
    this.#onlyNotes = false;
  }
}

/** A name as it is: GNU tar spells the bytes out that its language has no letters for. */
function unquoted(name: string): string {
  if (!name.includes("\\")) return name;
  const bytes = Buffer.from(name).toString("latin1");
  const plain = bytes.replace(/\\(?:([0-3][0-7]{2})|(.))/gs, (_all, octal?: string, letter = "") =>
    octal === undefined ? (escapes[letter] ?? letter) : String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(plain, "latin1").toString();
}
