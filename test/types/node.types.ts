/** Our Node and our events are assignable to the ecosystem's types, and what an API server says of a Node is assignable to ours. */
import type { CoreV1Event, V1Node } from "@kubernetes/client-node";
import type { CoreV1Event as Version2Event, V1Node as Version2Node } from "client-node-2";
import type { Event as TypesEvent, Node as TypesNode } from "kubernetes-types/core/v1.js";
import type { Node, ObjectEvent } from "../../src/kubernetes/api/index.js";

declare const node: Node<Date>;
declare const nodeJson: Node<string>;
declare const event: ObjectEvent<Date>;
declare const eventJson: ObjectEvent<string>;
declare const clientNode: V1Node;
declare const version2Node: Version2Node;
declare const typesNode: TypesNode;

type NodeContent = Omit<Node, "apiVersion" | "kind">;

export const clientNodes: [V1Node, Version2Node] = [node, node];
export const typesNodes: TypesNode[] = [nodeJson];
export const contents: NodeContent[] = [clientNode, version2Node, typesNode];
export const clientEvents: [CoreV1Event, Version2Event] = [event, event];
export const typesEvents: TypesEvent[] = [eventJson];
