import { homedir } from "node:os";
import { join } from "node:path";
import { OptionTable, option, readRegularFile } from "../../core/index.js";
import { type CredentialSource, keyring } from "../../images/index.js";

/** Options of {@link nodeDockerConfig}. */
export interface NodeDockerConfigOptions {
  /**
   * The kubelet's folder, which is searched first.
   * @default "/var/lib/kubelet"
   */
  readonly rootDir?: string | undefined;
  /**
   * The home folder.
   * @default HOME, else the home folder of the user
   */
  readonly home?: string | undefined;
  /**
   * The folder that is searched second.
   * @default the working directory of this process
   */
  readonly workingDir?: string | undefined;
}

const optionTable = new OptionTable<NodeDockerConfigOptions>({
  rootDir: option.nonEmptyString,
  home: option.nonEmptyString,
  workingDir: option.nonEmptyString,
});

/**
 * Creates the source of the node's own credentials, for the images of all Pods, as the kubelet finds them: the first valid `config.json` in
 * the kubelet's folder, the working directory, `~/.docker` and `/.docker`, else the first valid `.dockercfg` in the kubelet's folder, the
 * working directory, the home folder and `/`. Only user names and passwords count; images match as for pull secrets. The files are read at
 * each pull.
 */
export function nodeDockerConfig(options: NodeDockerConfigOptions = {}): CredentialSource {
  optionTable.check("nodeDockerConfig", options);
  const { rootDir = "/var/lib/kubelet", home = process.env.HOME || homedir() } = options;
  const workingDir = options.workingDir ?? process.cwd();
  const candidates = [
    ...[rootDir, workingDir, join(home, ".docker"), "/.docker"].map((folder) => ({
      path: join(folder, "config.json"),
      key: ".dockerconfigjson",
    })),
    ...[rootDir, workingDir, home, "/"].map((folder) => ({
      path: join(folder, ".dockercfg"),
      key: ".dockercfg",
    })),
  ];
  return {
    name: "nodeDockerConfig()",
    async find(image, lookup) {
      for (const { path, key } of candidates) {
        const source = await readKeyring(path, key, lookup.signal);
        if (source) return await source.find(image, lookup);
      }
      return [];
    },
  };
}

/** Returns the keyring of a file; undefined for one that does not exist or is not valid. */
async function readKeyring(
  path: string,
  key: string,
  signal: AbortSignal,
): Promise<CredentialSource | undefined> {
  try {
    const text = (await readRegularFile(path, { signal })).toString();
    return keyring({ kind: "Secret", stringData: { [key]: text } });
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
