// Fails if gen/ differs from the output of `buf generate`, which it writes to a temporary folder. scripts/codecs.ts checks its own file.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "cri-sdk-gen-"));
try {
  execFileSync(join(root, "node_modules/.bin/buf"), ["generate", "-o", folder], {
    cwd: root,
    stdio: "inherit",
  });
  const files = (dir) =>
    readdirSync(dir, { recursive: true })
      .filter((name) => name.endsWith("_pb.ts"))
      .sort();
  const [fresh, kept] = [join(folder, "gen"), join(root, "gen")];
  const same =
    files(fresh).join() === files(kept).join() &&
    files(fresh).every((name) => readFileSync(join(fresh, name)).equals(readFileSync(join(kept, name))));
  if (!same) {
    console.error("gen/ is stale: run `npm run generate` and commit the result");
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
