// The script that starts a command under a shell. The shell must execute the command exactly as the runtime would: it must neither
// run a builtin or a keyword of its own, nor read a file as a script that the kernel refuses to execute. POSIX requires the latter
// of `exec`, so the script checks the file's format first.

/** Why a command was not started, as the start script reports it. */
export type StartRefusal =
  /** The program does not exist. */
  | "missing"
  /** The program is a directory, or another file that cannot be executed. */
  | "denied"
  /** The script cannot tell whether the kernel executes the file: its format, or that of its interpreter, is not the shell's own. */
  | "format"
  /** The kernel refused to execute the file. */
  | "exec";

const refusals: readonly string[] = ["missing", "denied", "format", "exec"] satisfies StartRefusal[];

/** Parses what follows the marker: a process id, or `!` and a refusal. */
export function parseStart(value: string): { readonly pid: string } | { readonly refusal: StartRefusal } {
  const refusal = value.startsWith("!") ? value.slice(1) : "";
  return refusals.includes(refusal) ? { refusal: refusal as StartRefusal } : { pid: value };
}

/**
 * Prints the marker `$0` and the shell's process id, then executes the command `$@`, which keeps that id; or prints the marker and a
 * refusal. Uses builtins only, of dash, ash and bash. A prefix keeps its variables apart from those of the container.
 *
 * `x_read FILE` sets `x_s` to the format of an ELF executable (class, byte order, machine), or `x_i` to the interpreter of a
 * script. `read` omits NUL bytes, of which the header is full; the ELF version, always 1, follows the machine.
 */
export function startScript(output: "stdout" | "stderr"): string {
  return `
x_say() { printf "%s%s\\n" "$0" "$1"${output === "stderr" ? " >&2" : ""}; }
x_read() {
  x_s= x_i= x_l=
  { IFS= read -r x_l <"$1"; } 2>/dev/null
  case $x_l in
  "\x7fELF"???*)
    x_l=\${x_l#????}; x_c=\${x_l%"\${x_l#??}"}
    x_l=\${x_l#???}; x_l=\${x_l%%"\x01"*}
    case \${x_l%?} in *"\x02"|*"\x03") x_s=$x_c\${x_l#"\${x_l%?}"};; esac;;
  "#!"*)
    x_i=\${x_l#??}
    while :; do case $x_i in [" \t"]*) x_i=\${x_i#?};; *) break;; esac; done
    x_i=\${x_i%%[" \t"]*};;
  esac
}
x_f=$1
case $1 in */*) ;; *)
  x_f= x_p=$PATH:
  while [ -n "$x_p" ]; do
    x_d=\${x_p%%:*}; x_p=\${x_p#*:}; x_d=\${x_d:-.}/$1
    [ -f "$x_d" ] && [ -x "$x_d" ] && x_f=$x_d && break
  done;;
esac
case $x_f in -*) x_f=./$x_f;; esac
x_e=$x_f
[ -e "$x_f" ] || { x_say !missing; exit 127; }
[ -f "$x_f" ] && [ -x "$x_f" ] || { x_say !denied; exit 126; }
x_read ${shell}; x_own=$x_s
for x_n in 1 2 3 4 5; do x_read "$x_f"; [ -n "$x_i" ] || break; x_f=$x_i; done
[ -n "$x_s" ] && [ "$x_s" = "$x_own" ] || { x_say !format; exit 126; }
x_say $$
trap "x_say !exec" 0
shopt -s execfail 2>/dev/null
case $1 in
-*) shift; exec "$x_e" "$@";;
*) exec "$@";;
esac
x_n=$?
trap - 0
x_say !exec
exit $x_n
`;
}

/** The program that runs the script. */
export const shell = "/bin/sh";
