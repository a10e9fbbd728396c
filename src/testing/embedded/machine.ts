import type { Addresses } from "./addresses.js";
import type { Clock } from "./clock.js";
import type { Driver } from "./driver.js";
import type { Events } from "./events.js";
import type { Ids } from "./ids.js";
import type { Container, ContainerImage } from "./objects/container.js";
import type { Registry } from "./objects/registry.js";
import type { Sandbox } from "./objects/sandbox.js";
import type { Profile } from "./profile.js";
import type { Refusals } from "./refusals.js";

/** What the parts of a runtime share. */
export interface Machine {
  readonly profile: Profile;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly driver: Driver;
  readonly events: Events;
  readonly refusals: Refusals;
  readonly addresses: Addresses;
  readonly sandboxes: Registry<Sandbox>;
  readonly containers: Registry<Container>;
  /** Runtime handlers that a sandbox may ask for; "" is the default one. */
  readonly handlers: readonly string[];
  /** The image of a container to be created. Throws when it is not on the node. */
  resolveImage(reference: string): ContainerImage;
}
