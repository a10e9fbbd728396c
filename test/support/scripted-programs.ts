import type { ConformanceCommands } from "../../src/testing/conformance/target.js";
import type { Programs } from "../../src/testing/embedded/scripted/program.js";

/** The command lines of the conformance suite, for the programs below. */
export const scriptedCommands: ConformanceCommands = {
  run: ["run"],
  ignoreTerm: ["ignore-term"],
  exit: (code) => ["exit", `${code}`],
  print: (stdout, stderr = "") => ["print", stdout, stderr],
  cat: ["cat"],
  env: (name) => ["env", name],
  pwd: ["pwd"],
  tick: ["tick"],
  fill: (bytes, width) => ["fill", `${bytes}`, `${width}`],
  terminalSizes: ["terminal-sizes"],
  listen: (port) => ["listen", `${port}`],
  sleep: (seconds) => ["sleep", `${seconds}`],
};

const hour = 3_600_000;

/** The programs that the conformance suite runs, as functions. */
export const programs: Programs = {
  async run({ clock }) {
    await clock.sleep(hour);
  },
  "ignore-term": async ({ clock }) => {
    await clock.sleep(hour, new AbortController().signal);
  },
  exit: ({ args: [, code] }) => Number(code),
  print({ args: [, out = "", err = ""], stdout, stderr }) {
    stdout.write(out);
    stderr.write(err);
  },
  async cat({ stdin, stdout }) {
    for await (const chunk of stdin) stdout.write(chunk);
  },
  env({ args: [, name = ""], env, stdout }) {
    stdout.write(`${env[name] ?? ""}\n`);
  },
  pwd({ workingDir, stdout }) {
    stdout.write(`${workingDir}\n`);
  },
  async tick({ stdout, clock }) {
    for (let n = 1; ; n++) {
      stdout.write(`tick ${n}\n`);
      await clock.sleep(100);
    }
  },
  async fill({ args: [, bytes, width], stdout }) {
    const line = Buffer.from(`${"x".repeat(Number(width) - 1)}\n`);
    const block = Buffer.concat(Array(Math.ceil(65_536 / line.length)).fill(line));
    for (let left = Number(bytes); left > 0; left -= block.length)
      if (!stdout.write(block.subarray(0, left)))
        await new Promise((resolve) => stdout.once("drain", resolve));
  },
  async "terminal-sizes"(context) {
    for (;;) {
      context.stdout.write(`${context.size.rows} ${context.size.columns}\n`);
      await context.clock.sleep(100);
    }
  },
  async listen({ args: [, port], listen, clock }) {
    listen(Number(port), (connection) => connection.on("error", () => undefined).pipe(connection));
    await clock.sleep(hour);
  },
  async sleep({ args: [, seconds], clock }) {
    await clock.sleep(Number(seconds) * 1_000);
  },
};
