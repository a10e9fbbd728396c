// docs/crictl.md has a row for every command of crictl.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const commands = [
  "attach checkpoint completion config create events exec imagefsinfo images info inspect inspecti inspectp logs",
  "metricdescs metricsp pods port-forward ps pull rm rmi rmp run runp runtime-config start stats statsp stop stopp",
  "update update-runtime-config version",
].flatMap((line) => line.split(" "));

test("every crictl command has a row, in alphabetical order", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/crictl.md"), "utf8");
  const [, table = ""] = page.split("## Every command");
  assert.equal(commands.length, 34);
  assert.deepEqual(
    [...table.matchAll(/^\| `([a-z-]+)/gm)].map(([, name]) => name),
    commands,
  );
});
