/** The events about objects. */

/**
 * A core/v1 Event. With `Time = Date`, it is assignable to a `CoreV1Event` of @kubernetes/client-node; with `Time = string`, to an `Event`
 * of kubernetes-types. Its name here differs, since Node has a global class `Event`.
 */
export interface ObjectEvent<Time = Date | string> {
  readonly apiVersion?: "v1";
  /** How often it has occurred. */
  readonly count?: number;
  readonly firstTimestamp?: Time;
  readonly involvedObject: ObjectReference;
  readonly kind?: "Event";
  readonly lastTimestamp?: Time;
  readonly message?: string;
  readonly metadata: ObjectEventMetadata;
  /** In CamelCase, such as `Started`. */
  readonly reason?: string;
  readonly reportingComponent?: string;
  readonly reportingInstance?: string;
  readonly source?: EventSource;
  /** "Normal" or "Warning". */
  readonly type?: string;
}

/** The metadata of an event. */
export interface ObjectEventMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly resourceVersion?: string;
}

/** The object that an event is about. */
export interface ObjectReference {
  readonly apiVersion?: string;
  /** Such as `spec.containers{web}`. */
  readonly fieldPath?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly resourceVersion?: string;
  readonly uid?: string;
}

/** The reporter of an event. */
export interface EventSource {
  readonly component?: string;
  readonly host?: string;
}
