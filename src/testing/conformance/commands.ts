import type { ConformanceCommands } from "./target.js";

const sh = (script: string, ...args: readonly string[]) => ["sh", "-c", script, "sh", ...args];

// A shell that is process 1 ignores signals that it does not trap, and without the kill its child would keep running.
const untilTerm = (command: string) =>
  `${command} & child=$!; trap 'kill $child 2>/dev/null; exit 0' TERM INT; wait $child`;

// Netcat variants differ in how they serve several connections; without netcat, Node is used.
const echo = `port=$1
case "$(nc --help 2>&1)" in
  *-lk*) set -- nc -lk -p "$port" -e cat ;;
  *-ll*) set -- nc -ll -p "$port" -e cat ;;
  *) set -- node -e '
    const onConnection = (socket) => socket.on("error", () => {}).pipe(socket);
    require("node:net").createServer(onConnection).listen(Number(process.argv[1]), "0.0.0.0");' "$port" ;;
esac
${untilTerm('"$@"')}`;

/** The command lines for an image with a POSIX shell, such as busybox or Debian. `sleep 0.1` must work. */
export const shellCommands: ConformanceCommands = {
  run: sh(untilTerm("sleep 3600")),
  ignoreTerm: sh("trap '' TERM; echo ready; sleep 3600"),
  exit: (code) => sh(`exit ${code}`),
  print: (stdout, stderr = "") => sh(`printf %s "$1"; printf %s "$2" >&2`, stdout, stderr),
  cat: ["cat"],
  env: (name) => sh(`printf '%s\\n' "$${name}"`),
  pwd: ["pwd"],
  tick: sh("trap 'exit 0' TERM INT; i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.1; done"),
  fill: (bytes, width) => sh(`yes "$1" | head -c "$2"`, "x".repeat(width - 1), `${bytes}`),
  terminalSizes: sh("trap 'exit 0' TERM INT; while stty size; do sleep 0.1; done"),
  listen: (port) => sh(echo, `${port}`),
  sleep: (seconds) => ["sleep", `${seconds}`],
};
