import type { InputTarget } from "./io.js";
import type { Wire } from "./wire.js";

const endOfTransmission = 0x04;
const newline = 0x0a;

/** Where a command's input goes. `onNoEnd` is called when its end cannot be told. */
export function inputTarget(wire: Wire, tty: boolean, onNoEnd: () => void): InputTarget {
  return tty ? terminalTarget(wire) : pipeTarget(wire, onNoEnd);
}

function pipeTarget(wire: Wire, onNoEnd: () => void): InputTarget {
  return {
    write: (bytes, done) => wire.write("stdin", bytes, done),
    end: () => (wire.canEndInput ? wire.endInput() : onNoEnd()),
  };
}

/**
 * Runtimes cut off a terminal's output at the end of its input. What ends the input for the program is a ^D, which
 * after an unfinished line only hands on the line, and takes a second one.
 */
function terminalTarget(wire: Wire): InputTarget {
  let last = newline;
  return {
    write(bytes, done) {
      last = bytes[bytes.byteLength - 1] ?? last;
      wire.write("stdin", bytes, done);
    },
    end() {
      const keys = last === newline ? [endOfTransmission] : [endOfTransmission, endOfTransmission];
      wire.write("stdin", Buffer.from(keys), () => undefined);
    },
  };
}
