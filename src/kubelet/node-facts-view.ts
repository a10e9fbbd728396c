import type { Node, NodeFacts } from "../kubernetes/index.js";

/** The facts of a node as its Node reports them: what pods may use follows the capacity and the reserves of the kubelet's options. */
export class NodeFactsView {
  readonly #read: NodeFacts;
  readonly #node: () => Node<Date>;
  #current: NodeFacts;
  #allocatable = "";

  constructor(read: NodeFacts, node: () => Node<Date>) {
    this.#read = read;
    this.#node = node;
    this.#current = read;
  }

  /** Returns the facts; the same object until one of them has changed. */
  current(): NodeFacts {
    const { allocatable = {} } = this.#node().status ?? {};
    const text = JSON.stringify(allocatable);
    if (text !== this.#allocatable) {
      this.#allocatable = text;
      this.#current = { ...this.#read, allocatable: { ...this.#read.allocatable, ...allocatable } };
    }
    return this.#current;
  }
}
