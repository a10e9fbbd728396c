import type { Node, NodeFacts } from "../kubernetes/index.js";

/**
 * The facts of a node as its Node reports them: what pods may use follows the capacity and the reserves of the kubelet's options, and the
 * addresses are those that it has given.
 */
export class NodeFactsView {
  readonly #read: NodeFacts;
  readonly #node: () => Node<Date>;
  #current: NodeFacts;
  /** What the current facts were made of. */
  #status = "";

  constructor(read: NodeFacts, node: () => Node<Date>) {
    this.#read = read;
    this.#node = node;
    this.#current = read;
  }

  /** Returns the facts; the same object until one of them has changed. */
  current(): NodeFacts {
    const { allocatable = {}, addresses = [] } = this.#node().status ?? {};
    const ips = addresses.flatMap(({ type, address }) => (type === "InternalIP" ? [address] : []));
    const status = JSON.stringify([allocatable, ips]);
    if (status !== this.#status) {
      this.#status = status;
      this.#current = {
        ...this.#read,
        allocatable: { ...this.#read.allocatable, ...allocatable },
        nodeIPs: ips.length > 0 ? ips : this.#read.nodeIPs,
      };
    }
    return this.#current;
  }
}
