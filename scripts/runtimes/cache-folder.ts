/** Returns the folder in which unpacked packages are kept between runs: `CRI_SDK_RUNTIMES_CACHE`, else one in `/var/cache`. */
export function cacheFolder(): string {
  return process.env.CRI_SDK_RUNTIMES_CACHE || "/var/cache/cri-sdk-runtimes";
}
