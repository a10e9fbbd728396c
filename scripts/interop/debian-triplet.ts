const triplets: Readonly<Record<string, string>> = {
  x64: "x86_64-linux-gnu",
  arm64: "aarch64-linux-gnu",
};

/** Debian's name of the folders of libraries on this machine. */
export const debianTriplet = triplets[process.arch] ?? process.arch;
