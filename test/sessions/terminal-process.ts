// The program of terminal.test.ts: attaches two terminals, then sends itself the signal in its argument. It prints every change of
// the terminals' mode.
import { writeSync } from "node:fs";
import { PassThrough } from "node:stream";
import { attachTerminal, type Session, type TerminalProcess } from "../../src/streaming/index.js";

const print = (text: string) => void writeSync(1, `${text}\n`);
const [, , signal, listens] = process.argv;

function terminal(name: string): TerminalProcess {
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode: (mode: boolean) => print(`${name} ${mode ? "raw" : "restored"}`),
  });
  // Implements the used part of Node's terminals.
  return { stdin, stdout: new PassThrough(), stderr: new PassThrough() } as unknown as TerminalProcess;
}

const session: Session = {
  stdin: new PassThrough(),
  stdout: new PassThrough(),
  stderr: undefined,
  ended: new Promise(() => undefined),
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
    print("signal received");
    setImmediate(() => process.exit(5));
  });
process.kill(process.pid, signal as NodeJS.Signals);
// Fails the test unless the signal ends the process first.
setTimeout(() => process.exit(9), 20_000);
