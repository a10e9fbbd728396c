/** The supported releases of containerd. */
export type ContainerdRelease = "1.6" | "1.7" | "2.1";

/** The supported releases of the Docker Engine, which is reached through `examples/dockershim`. */
export type DockerRelease = "docker-20.10" | "docker-26.1";

/** A release of a container runtime; each is taken from one Debian suite. */
export type RuntimeRelease = ContainerdRelease | DockerRelease;

/** The Debian suite of each release. Suites are updated: read the exact version from the daemon. */
export const suiteOfRelease: Readonly<Record<RuntimeRelease, string>> = {
  "1.6": "bookworm",
  "1.7": "trixie",
  "2.1": "forky",
  "docker-20.10": "bookworm",
  "docker-26.1": "trixie",
};

export const containerdReleases: readonly ContainerdRelease[] = ["1.6", "1.7", "2.1"];

export const dockerReleases: readonly DockerRelease[] = ["docker-20.10", "docker-26.1"];

/** All releases: containerd's, then Docker's, oldest first. */
export const allReleases: readonly RuntimeRelease[] = [...containerdReleases, ...dockerReleases];

/** The containerd of the same suite as each Docker Engine, which runs its containers. */
export const containerdOfDocker: Readonly<Record<DockerRelease, ContainerdRelease>> = {
  "docker-20.10": "1.6",
  "docker-26.1": "1.7",
};

/** Returns whether a release is one of the Docker Engine. */
export function isDockerRelease(release: RuntimeRelease): release is DockerRelease {
  return release === "docker-20.10" || release === "docker-26.1";
}

/** Returns the name of a release for people, such as `containerd 2.1` or `Docker 26.1`. */
export function releaseTitle(release: RuntimeRelease): string {
  return isDockerRelease(release) ? release.replace("docker-", "Docker ") : `containerd ${release}`;
}

/** Reads the value of the option `--which`: releases separated by commas; without a value, returns all. */
export function parseReleases(text: string | undefined): readonly RuntimeRelease[] {
  if (text === undefined) return allReleases;
  return text.split(",").map((name) => {
    const release = allReleases.find((one) => one === name.trim());
    if (release === undefined)
      throw new Error(`--which: unknown release ${name}. Use one of ${allReleases.join(", ")}`);
    return release;
  });
}
