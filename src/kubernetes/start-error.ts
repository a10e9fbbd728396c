import {
  CriError,
  type CriErrorDetails,
  type CriErrorInit,
  checkArgument,
  criErrorReasons,
  isCriError,
  option,
} from "../core/index.js";
import { checkNumberArgument, keyed } from "./argument-checks.js";

/**
 * Why a container or the sandbox of a Pod does not start, in the words of the kubelet: `state.waiting.reason` of a container, or, for
 * `FailedCreatePodSandBox` and `FailedMount`, the reason of the event while the containers wait with ContainerCreating.
 */
export type WaitingReason =
  | "CreateContainerConfigError"
  | "CreateContainerError"
  | "PreCreateHookError"
  | "PreStartHookError"
  | "RunContainerError"
  | "PostStartHookError"
  | "CrashLoopBackOff"
  | "ErrImagePull"
  | "ImagePullBackOff"
  | "ErrImageNeverPull"
  | "ImageInspectError"
  | "InvalidImageName"
  | "RegistryUnavailable"
  | "SignatureValidationFailed"
  | "FailedCreatePodSandBox"
  | "FailedMount";

/** The optional properties of a {@link StartError}. */
export interface StartErrorDetails extends CriErrorDetails {
  /** When the next attempt is made, in milliseconds since 1970. @default no back-off decides that */
  readonly retryAtMs?: number | undefined;
}

/** A container or the sandbox of a Pod cannot start. `reason` is `pod_start_failed`; `waitingReason` is the kubelet's. */
export class StartError extends CriError {
  /** The reason that a status or an event shows. */
  readonly waitingReason: WaitingReason;
  /** When the next attempt is made, in milliseconds since 1970, where a back-off decides that. */
  readonly retryAtMs: number | undefined;

  /**
   * Creates the error. Throws `invalid_option`.
   *
   * @param rawMessage the text, which the status shows as `state.waiting.message`: the kubelet's, if it has one for the case; otherwise it
   * begins with the path of the field
   */
  constructor(waitingReason: WaitingReason, rawMessage: string, details: StartErrorDetails = {}) {
    checkArgument("StartError", "waitingReason", waitingReason, option.nonEmptyString);
    checkArgument("StartError", "details", details, keyed);
    const { code } = criErrorReasons.pod_start_failed;
    const { retryAtMs, ...common } = details;
    if (retryAtMs !== undefined) checkNumberArgument("StartError", "details.retryAtMs", retryAtMs);
    super({ ...common, code, reason: "pod_start_failed", rawMessage });
    this.waitingReason = waitingReason;
    this.retryAtMs = retryAtMs;
  }

  /** `instanceof StartError` also holds for errors of another copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isCriError(value) && "waitingReason" in value;
  }

  /** Returns a copy with the given properties replaced; the waiting reason and the stack stay. */
  override with(changes: Partial<CriErrorInit>): StartError {
    const copy = super.with(changes);
    const { method, endpoint, hint, cause, wireCode, problems, existingId, leftovers } = copy;
    const { retryAtMs } = this;
    const details = { method, endpoint, hint, cause, wireCode, problems, existingId, leftovers, retryAtMs };
    const error = new StartError(this.waitingReason, copy.rawMessage, details);
    if (copy.stack) error.stack = copy.stack;
    return error;
  }
}
