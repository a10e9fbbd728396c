/** What the kubelet begins the message of an event with, before ": " and the reason why a volume is not there. */
export function volumeFailure(name: string): string {
  return `MountVolume.SetUp failed for volume ${JSON.stringify(name)} `;
}
