// Follows a log from a cursor until it is killed. Prints a line of JSON for each batch: its numbers and the next cursor.
import { writeSync } from "node:fs";
import { readLogs } from "../../../src/logs/index.js";

const [path = "", cursor = "null", stop = ""] = process.argv.slice(2);
const reader = readLogs(path, {
  follow: true,
  includeRotated: true,
  from: JSON.parse(cursor) ?? undefined,
  onNotice: (notice) => {
    if (notice.kind !== "rotated") writeSync(1, `${JSON.stringify({ notice })}\n`);
  },
});
for await (const batch of reader.batches()) {
  const numbers = batch.map(({ text, stream }) => {
    const number = Number(text.split(" ")[0]);
    const isWhole = text.endsWith(" end") && (stream === "stderr") === (number % 10 === 0);
    return isWhole ? number : `broken: ${text}`;
  });
  writeSync(1, `${JSON.stringify({ numbers, cursor: reader.cursor })}\n`);
  if (stop !== "" && numbers.includes(Number(stop))) break;
}
