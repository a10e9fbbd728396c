/** The bytes that are transferred before the process counts as one that moves much data. */
const bulkBytes = 16 * 2 ** 20;
/** The largest block that glibc adapts its thresholds to is 32 MiB. */
const blockBytes = 30 * 2 ** 20;

let transferredBytes = 0;

/**
 * Counts transferred bytes. Once there are many, makes the memory of chunks cheap.
 *
 * By default glibc returns the memory of collected chunks to the system at once, so that every page of the next ones must be mapped
 * again, which costs more than the transfer. It stops doing so after the release of one large block (mallopt(3),
 * M_MMAP_THRESHOLD). The block here is never touched, so it takes no memory, and is released by the next garbage collection.
 */
export function countTransferred(bytes: number): void {
  if (transferredBytes > bulkBytes) return;
  transferredBytes += bytes;
  if (transferredBytes > bulkBytes) Buffer.allocUnsafeSlow(blockBytes);
}
