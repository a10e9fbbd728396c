import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { exec, type TerminalSize } from "../../src/streaming/index.js";
import { serve, textOf, transports, ways } from "../support/streaming-server.js";
import { until, within } from "../support/waiting.js";

const everyWay = transports.flatMap((transport) => ways.map((way) => ({ transport, way })));
const terminal = { stdin: true, stdout: true, stderr: false, tty: true };

for (const { transport, way } of everyWay) {
  test(`${transport}, ${way}: a terminal gets its initial size and each change`, async (t) => {
    const sizes: TerminalSize[] = [];
    let sizesEnded = false;
    const { server, reach } = await serve(
      t,
      {
        async exec({ stdin, stdout, stderr, tty, resize }) {
          assert.deepEqual([tty, stderr], [true, undefined]);
          const watching = (async () => {
            for await (const size of resize) sizes.push(size);
            sizesEnded = true;
          })();
          // ^D ends the input of a terminal; the stream itself does not end.
          for await (const part of stdin ?? []) {
            stdout?.write(part);
            if (String(part).includes("\x04")) break;
          }
          void watching;
          return 5;
        },
      },
      { way },
    );
    const { url } = server.exec({ containerId: "c", ...terminal });
    const session = await exec(url, { transport, ...terminal, size: { columns: 101, rows: 37 }, ...reach });
    const output = textOf(session.stdout);
    await until(() => sizes.length > 0, "the first size arrives");
    assert.deepEqual(sizes[0], { columns: 101, rows: 37 });
    session.resize({ columns: 200, rows: 60 });
    await until(() => sizes.at(-1)?.columns === 200, "the next size arrives");
    session.stdin?.end("ls\n");
    assert.equal(await output, "ls\n\x04");
    assert.equal((await within(5_000, session.ended)).exitCode, 5);
    await until(() => sizesEnded, "the sizes end with the session");
  });

  test(`${transport}, ${way}: a slow reader gets the latest size only`, async (t) => {
    const seen: TerminalSize[] = [];
    const { server, reach } = await serve(
      t,
      {
        async exec({ stdin, resize }) {
          if (stdin) await once(stdin, "data");
          for await (const size of resize) {
            seen.push(size);
            break;
          }
          return 0;
        },
      },
      { way },
    );
    const { url } = server.exec({ containerId: "c", ...terminal });
    const session = await exec(url, { transport, ...terminal, ...reach });
    for (let columns = 1; columns <= 50; columns++) session.resize({ columns, rows: 2 });
    session.stdin?.write("look now");
    session.stdout?.resume();
    assert.equal((await within(5_000, session.ended)).exitCode, 0);
    assert.deepEqual(seen, [{ columns: 50, rows: 2 }]);
  });
}
