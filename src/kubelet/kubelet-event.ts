/** An event of a node or of a Pod, with the reasons of the kubelet's events. */
export interface KubeletEvent {
  readonly type: "Normal" | "Warning";
  /** Such as `Started`, `BackOff`, `NodeReady`, `Evicted`. */
  readonly reason: string;
  readonly message: string;
  /** What the event is about. The namespace of a node is "". */
  readonly object: {
    readonly kind: "Pod" | "Node";
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    /** The field of a Pod, such as `spec.containers{web}`. */
    readonly fieldPath?: string | undefined;
  };
  /** Milliseconds since 1970. */
  readonly timeMs: number;
}

/** Takes events. */
export type RecordEvent = (event: KubeletEvent) => void;
