/** The prefix of the kubelet's event message about a volume that cannot be set up, before ": " and the reason. */
export function volumeFailure(name: string): string {
  return `MountVolume.SetUp failed for volume ${JSON.stringify(name)} `;
}
