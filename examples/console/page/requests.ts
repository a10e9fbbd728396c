// The page's requests to its server.
import type { ChangeRequest, Failure } from "../messages.js";

/** Asks the server. Rejects with what the server says. */
export async function get<T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
  return contentOf(await fetch(`${path}?${new URLSearchParams(parameters)}`));
}

/** Stops or removes a pod or a container. */
export async function requestChange(change: ChangeRequest): Promise<void> {
  const headers = { "Content-Type": "application/json", "X-CRI-Console": "1" };
  await contentOf(await fetch("/api/change", { method: "POST", headers, body: JSON.stringify(change) }));
}

/** Opens a WebSocket of the server. */
export function openSocket(path: string, parameters: Readonly<Record<string, string>> = {}): WebSocket {
  return new WebSocket(`ws://${location.host}${path}?${new URLSearchParams(parameters)}`);
}

/** Closes a socket. One that is not open yet is closed when it is: earlier, the browser would report an error. */
export function closeSocket(socket: WebSocket | undefined): void {
  if (socket?.readyState === WebSocket.CONNECTING) socket.addEventListener("open", () => socket.close());
  else socket?.close();
}

async function contentOf<T>(response: Response): Promise<T> {
  const isJson = response.headers.get("Content-Type") === "application/json";
  if (response.ok && isJson) return response.json();
  const { error }: Failure = isJson ? await response.json() : { error: await response.text() };
  throw new Error(error);
}
