/** An event of a node or of a Pod, with the reasons of the kubelet's events. */
export interface KubeletEvent {
  /** "Warning" for a problem. */
  readonly type: "Normal" | "Warning";
  /** Such as `Started`, `BackOff`, `NodeReady`, `Evicted`. */
  readonly reason: string;
  /** A sentence for a person. */
  readonly message: string;
  /** What the event is about. The namespace of a node is "". */
  readonly object: {
    /** The kind of the object. */
    readonly kind: "Pod" | "Node";
    /** The namespace of the object. */
    readonly namespace: string;
    /** The name of the object. */
    readonly name: string;
    /** The uid of the object. */
    readonly uid: string;
    /** The field of a Pod, such as `spec.containers{web}`. */
    readonly fieldPath?: string | undefined;
  };
  /** Milliseconds since 1970. */
  readonly timeMs: number;
}

/** Takes events. */
export type RecordEvent = (event: KubeletEvent) => void;
