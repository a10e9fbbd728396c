import { Transform } from "node:stream";

const newline = 10;
const return_ = 13;
const endOfInput = 4;
const interrupt = 3;

/** What a terminal does with what a program prints: the end of a line goes back to its beginning, too. */
export function terminalOutput(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, Buffer.from(chunk.toString("latin1").replaceAll("\n", "\r\n"), "latin1"));
    },
  });
}

/**
 * What a terminal does with what is typed: it is shown, Enter ends a line, Ctrl-D ends the input, Ctrl-C is a signal.
 * Characters are passed on as they come, not line by line.
 */
export function terminalInput(echo: (text: Buffer) => void, onInterrupt: () => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const end = chunk.indexOf(endOfInput);
      const typed = end < 0 ? chunk : chunk.subarray(0, end);
      if (typed.includes(interrupt)) onInterrupt();
      const text = Buffer.from(typed.filter((byte) => byte !== interrupt));
      for (const [at, byte] of text.entries()) if (byte === return_) text[at] = newline;
      echo(text);
      if (text.byteLength > 0) this.push(text);
      if (end >= 0) this.push(null);
      done();
    },
  });
}
