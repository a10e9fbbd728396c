import type { AddressPool, IdGenerator } from "./allocators.js";
import type { Clock } from "./clock.js";
import type { Driver } from "./driver.js";
import type { ErrorFactory } from "./errors.js";
import type { Events } from "./events.js";
import type { HostPorts } from "./host-ports.js";
import type { ObjectIndex } from "./object-index.js";
import type { Container, ContainerImage, Sandbox } from "./objects.js";
import type { Profile } from "./profile.js";

/** The state of one runtime, which its services share. */
export interface RuntimeState {
  readonly profile: Profile;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly driver: Driver;
  readonly events: Events;
  readonly errors: ErrorFactory;
  readonly addresses: AddressPool;
  readonly hostPorts: HostPorts;
  readonly sandboxes: ObjectIndex<Sandbox>;
  readonly containers: ObjectIndex<Container>;
  /** The known runtime handlers; "" is the default one. */
  readonly handlers: readonly string[];
  /** How long RunPodSandbox takes, in milliseconds. */
  readonly podStartMs: number;
  /** The grace periods that calls give containers to be removed. They settle when the container exited, and never reject. */
  readonly gracePeriods: Set<Promise<void>>;
  /** Finds the image for a new container. Throws `image_missing` when it is not on the node. */
  resolveImage(reference: string): ContainerImage;
}
