// A program of its own, for terminal.test.ts: it is on a terminal when the signal that its argument names ends it. What
// is done to the terminal goes to its output at once.
import { writeSync } from "node:fs";
import { PassThrough } from "node:stream";
import { attachTerminal, type Session, type TerminalProcess } from "../../src/streaming/index.js";

const said = (text: string) => void writeSync(1, `${text}\n`);
const [, , signal, listens] = process.argv;

function terminal(name: string): TerminalProcess {
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode: (mode: boolean) => said(`${name} ${mode ? "raw" : "as it was"}`),
  });
  // As much of Node's terminals as is used.
  return { stdin, stdout: new PassThrough(), stderr: new PassThrough() } as unknown as TerminalProcess;
}

const session: Session = {
  stdin: new PassThrough(),
  stdout: new PassThrough(),
  stderr: undefined,
  tty: true,
  transport: "spdy",
  protocol: "v4.channel.k8s.io",
  resize: () => undefined,
  close: async () => undefined,
  detach: async () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};

void attachTerminal(session, terminal("one"));
void attachTerminal(session, terminal("two"));
if (listens)
  process.on(signal as NodeJS.Signals, () => {
    said("heard");
    setImmediate(() => process.exit(5));
  });
process.kill(process.pid, signal as NodeJS.Signals);
// Ends by the signal, or fails the test.
setTimeout(() => process.exit(9), 20_000);
