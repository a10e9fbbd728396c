export function installNode(version: string): string;
export function installBun(version?: string): string;
export function installDeno(version?: string): string;
export function install(
  name: string,
  folder: string,
  packages: string | readonly string[],
  executable: string,
): string;
