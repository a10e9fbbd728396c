// The scripts that run in the container's shell. BusyBox has fewer options than GNU's tools, so the scripts use only shared ones.

/** Reads the rest of the input before exiting: containerd loses the exit code of a command that leaves its input unread. */
const drain = '{ code=$?; echo "ended with $code"; cat >/dev/null; exit $code; }';

/** Fails if a file would replace a folder: GNU tar does that with an empty one. */
const refuseFolder = (path: string, name: string) =>
  `[ ! -d ${path} ] || [ -L ${path} ] || { echo ${name}": exists and is a folder" >&2; false || ${drain}; }; `;

/**
 * Tries whether a file can be given to the owner `$3`, in a new folder with the suffix `$4`. BusyBox's tar ignores that it could not
 * set the owner, and GNU tar does not try as another user than root.
 */
const tryOwner =
  'trial="$1/.cri-sdk-$4"; ' +
  `mkdir -m 700 -- "$trial" && : >"$trial/file" || ${drain}; ` +
  'chown "$3" "$trial/file"; code=$?; rm -rf -- "$trial"; ' +
  `[ $code = 0 ] || { echo "owner refused"; false || ${drain}; }; `;

/** Finds out what tar does by itself. Without `exact`, as another user than root, it sets neither owners nor modes of existing entries. */
const inspectTar =
  "options=; exact=; root=; case $(tar --version 2>/dev/null </dev/null) in " +
  `*GNU*) exact=y; options="--warning=no-timestamp\${3:+ --same-owner}";; ` +
  `*bsdtar*) exact=y; options="\${3:+--same-owner}";; esac; ` +
  '[ "$(id -u 2>/dev/null)" != 0 ] || root=y; ' +
  '[ -n "$exact$root" ] || echo "no special modes"; ';

/** Reads the lines about entries. Keeps those that {@link complete} needs, the innermost folder first. */
const readLines =
  'lines=; end="\n"; while IFS= read -r line && [ -n "$line" ]; do case $line in ' +
  `d*) path=$1/\${line#* * }; [ ! -d "$path" ] || chmod u+rwx "$path" 2>/dev/null; ` +
  '[ -n "$exact$root" ] || lines=$line$end$lines;; ' +
  '*) [ -n "$exact" ] || lines=$line$end$lines;; esac; done; ';

/** Sets the modes of the folders and the owners of the links that tar did not set. */
const complete =
  'complete() { printf %s "$lines" | (code=0; while IFS= read -r line; do ' +
  `path=$1/\${line#* * } mode=\${line#* }; case $line in ` +
  `d*) chmod "\${mode%% *}" "$path";; *) chown -h "$3" "$path";; esac || code=1; done; exit $code); }; `;

/**
 * Unpacks its input into the folder `$1`, in which `$2` must not be a folder. `$3` is the owner of the copies (`0:0`), empty if it is
 * not important; `$4` is a random text.
 *
 * The input begins with lines about entries of the archive, up to an empty line: `d MODE PATH` for each folder that its owner cannot
 * write to or whose mode has special bits, and `l - PATH` for each link. An earlier copy may have left such folders.
 *
 * Prints the size of the archive and the exit code of tar, and `no special modes` if setuid and setgid of files are lost. The shell
 * keeps the output open meanwhile: containerd cuts off the input of a command whose output is closed, and reports success.
 */
export const unpackScript =
  `command -v tar >/dev/null && command -v tee >/dev/null || { echo "no tar"; false || ${drain}; }; ` +
  `mkdir -p -- "$1" || ${drain}; ` +
  `if [ -n "$2" ]; then ${refuseFolder('"$1/$2"', '"$2"')}fi; ` +
  `if [ -n "$3" ]; then ${tryOwner}fi; ` +
  inspectTar +
  readLines +
  complete +
  '{ { tee /dev/fd/4 | { bytes=$(wc -c); echo "arrived" $bytes >&3; }; } 4>&1 | ' +
  // The modes in the archive are exact, so no umask applies to them.
  '{ (umask 0; exec tar -x $options -pf - -C "$1") && complete "$1" "$2" "$3"; ' +
  'echo "ended with $?" >&3; cat >/dev/null; }; } 3>&1';

/** Writes its input to the file `$1` with the mode `$2` and, if set, the owner `$3`. Prints the file's size. */
export const writeScript =
  `mkdir -p -- "$(dirname -- "$1")" || ${drain}; ` +
  refuseFolder('"$1"', '"$1"') +
  '{ [ ! -e "$1" ] && [ ! -L "$1" ] || rm -f -- "$1"; } && ' +
  '(umask 077; cat >"$1") && bytes=$(wc -c <"$1") && ' +
  '{ [ -z "$3" ] || chown "$3" "$1" || { echo "owner refused"; rm -f -- "$1"; false; }; } && ' +
  `chmod "$2" "$1" || ${drain}; ` +
  'echo "arrived" $bytes; echo "ended with 0"';

/**
 * Prints the contents of the files `$@` in base64, each followed by `= CODE MESSAGE`; only `empty` if all of them are empty, and `no
 * tools` if that cannot be found out.
 */
export const readScript =
  'for tool in cat head wc base64; do command -v $tool >/dev/null || { echo "no tools"; exit 0; }; done; ' +
  '[ "$(cat -- "$@" 2>&1 | head -c 1 | wc -c)" -ne 0 ] || { echo "empty"; exit 0; }; end="\n"; ' +
  `for file do { message=$(base64 "$file" 2>&1 >&3); } 3>&1; echo "= $? \${message%%$end*}"; done`;
