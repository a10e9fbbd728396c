/** Rules for paths, each giving what is wrong. Windows has its own absolute ones: `C:\\logs`, and `\\\\server\\share`. */

/** A path of the host: nobody means a step upwards there. */
export function hostPath(path: string): string | undefined {
  if (!isAbsolute(path)) return "must be an absolute path";
  return climbs(path) ? 'must not have a ".." step' : undefined;
}

/** A path in the container. */
export function containerPath(path: string): string | undefined {
  return isAbsolute(path) ? undefined : "must be an absolute path";
}

/** A path below another one, without leaving it. */
export function pathBelow(path: string): string | undefined {
  if (path === "") return "must not be empty";
  if (/^([\\/]|[a-z]:)/i.test(path)) return "must be a relative path";
  return climbs(path) ? 'must not have a ".." step' : undefined;
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[a-z]:[\\/]/i.test(path) || path.startsWith("\\\\");
}

function climbs(path: string): boolean {
  return path.split(/[\\/]/).includes("..");
}
