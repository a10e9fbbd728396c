import type { Findings } from "./checks.js";

interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Exec and Attach: one stream at least, and no stderr of its own beside a terminal, which has one output only. */
export function streams({ stdin, stdout, stderr, tty }: Streams, findings: Findings): void {
  findings.expect(stdin || stdout || stderr, "stdin", "one of stdin, stdout and stderr must be true");
  findings.expect(
    !(tty && stderr),
    "stderr",
    "must be false when tty is true: a terminal has one output",
    stderr,
  );
}

/** A command line of Exec and ExecSync. */
export function commandLine(cmd: readonly string[], findings: Findings): void {
  findings.expect(cmd.length > 0 && cmd[0] !== "", "cmd", "the command is missing");
}
