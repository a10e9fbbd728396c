import type { HTTPGetAction } from "../api/index.js";
import { HttpFailure, sendHttp } from "./http-client.js";
import { httpRequest } from "./http-request.js";
import type { ProbeOutcome, ProbeTarget } from "./outcome.js";

/**
 * Makes an `httpGet` probe. The status decides: 200 to 299 is a success, 300 to 399 (a redirect to another host) a success with a
 * warning, any other a failure, and so is no response. A body that breaks off is an error.
 */
export async function httpProbe(
  action: HTTPGetAction,
  { container, podIPs }: ProbeTarget,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const request = httpRequest(action, container, podIPs, "probe");
  try {
    const { status, body } = await sendHttp(request, signal);
    if (status >= 200 && status < 300) return { result: "success", output: body };
    if (status >= 300 && status < 400)
      return { result: "warning", output: `Probe terminated redirects, Response body: ${body}` };
    // Events are readable by more users than the container's output, so the body is left out.
    return { result: "failure", output: `HTTP probe failed with statuscode: ${status}` };
  } catch (error) {
    if (error instanceof HttpFailure) return { result: "failure", output: error.message };
    throw error;
  }
}
