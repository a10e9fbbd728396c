import type { Node, NodeFacts } from "../kubernetes/index.js";

/**
 * The facts of a node, with the allocatable resources and the addresses that its Node reports: these depend on options of the kubelet, such
 * as `reserved` and `nodeAddresses`.
 */
export class NodeFactsView {
  readonly #read: NodeFacts;
  readonly #node: () => Node<Date>;
  #current: NodeFacts;
  /** The fields of the Node that the current facts were made from. */
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
