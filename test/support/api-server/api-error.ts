import type { JsonObject } from "./json.js";

/** The fields `details` of a failed request. */
export interface ErrorDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly JsonObject[];
  readonly retryAfterSeconds?: number;
}

/** A failed request, answered with a `Status` object. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: number;
  readonly reason: string;
  readonly details: ErrorDetails | undefined;
  constructor(code: number, reason: string, message: string, details?: ErrorDetails) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** Returns the `Status` object. */
  status(): JsonObject {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      reason: this.reason,
      ...(this.details && { details: { ...this.details } }),
      code: this.code,
    };
  }
}

/** What errors name of a resource. */
interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

function qualified({ group, plural }: Named): string {
  return group === "" ? plural : `${plural}.${group}`;
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

export function notFound(resource: Named, name: string): ApiError {
  const { group, plural } = resource;
  return new ApiError(404, "NotFound", `${qualified(resource)} "${name}" not found`, {
    name,
    ...(group && { group }),
    kind: plural,
  });
}

/** The answer for a path that the server does not have. */
export function pathNotFound(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource");
}

export function alreadyExists(resource: Named, name: string): ApiError {
  const { plural, group } = resource;
  return new ApiError(409, "AlreadyExists", `${qualified(resource)} "${name}" already exists`, {
    name,
    ...(group && { group }),
    kind: plural,
  });
}

export function conflict(resource: Named, name: string, why: string): ApiError {
  const { plural, group } = resource;
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiError(409, "Conflict", message, { name, ...(group && { group }), kind: plural });
}

/** A value that the API does not accept: the field and what is wrong with it. */
export function invalid(
  resource: Named,
  name: string,
  field: string,
  problem: string,
  reason = "FieldValueInvalid",
): ApiError {
  const { kind, group } = resource;
  const title = group === "" ? kind : `${kind}.${group}`;
  return new ApiError(422, "Invalid", `${title} "${name}" is invalid: ${field}: ${problem}`, {
    name,
    ...(group && { group }),
    kind,
    causes: [{ reason, message: problem, field }],
  });
}

export function forbidden(resource: string, name: string, why: string): ApiError {
  const subject = name === "" ? resource : `${resource} "${name}"`;
  return new ApiError(403, "Forbidden", `${subject} is forbidden: ${why}`, { name, kind: resource });
}

/** The answer to a resource version that is no longer known. */
export function expired(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}
