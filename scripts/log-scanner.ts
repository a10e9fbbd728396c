// Writes src/logs/scanner/code.ts: what the AssemblyScript beside it becomes. With --check it only says whether that is up to date.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = join(root, "src/logs/scanner/code.ts");
const wanted = `// Written by scripts/log-scanner.ts from assembly/scan.ts.
/** The scanner's WebAssembly, in base64. */
export const code =
  "${compile().toString("base64")}";
`;
if (!process.argv.includes("--check")) writeFileSync(target, wanted);
else if (readFileSync(target, "utf8") !== wanted) {
  console.error("src/logs/scanner/code.ts is stale: run `npm run generate` and commit what it writes");
  process.exitCode = 1;
}

function compile(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "cri-sdk-scanner-"));
  try {
    const output = join(folder, "scan.wasm");
    const options = ["-O3", "--noAssert", "--runtime=stub", "--enable=simd", `--outFile=${output}`];
    // What scan.ts lays out: a window, a table and two blocks. A memory that cannot grow stays where it is.
    const memory = ["--initialMemory=38", "--maximumMemory=38"];
    const command = ["node_modules/assemblyscript/bin/asc.js", "src/logs/scanner/assembly/scan.ts"];
    execFileSync(process.execPath, [...command, ...options, ...memory], { cwd: root, stdio: "inherit" });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
