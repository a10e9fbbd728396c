import { type ContainerStatus, formatAge, type Node, podStatusWord } from "../../../kubernetes/index.js";
import type { KubeletEvent } from "../../kubelet-event.js";
import type { KubeletPod } from "../../kubelet-view.js";
import { type Html, html } from "./html.js";
import { pageStyle } from "./style.js";

/** What the status page shows. */
export interface StatusPage {
  readonly node: Node<Date>;
  readonly pods: readonly KubeletPod[];
  /** The oldest first. */
  readonly events: readonly KubeletEvent[];
  readonly nowMs: number;
  /** The browser loads the page again after this many seconds; 0 for never. */
  readonly refreshSeconds: number;
  /** Permits the style of the page in its Content-Security-Policy. */
  readonly nonce: string;
}

const maxEvents = 50;

/** Returns the status page of a node, for a person: Pods, conditions and events. It needs no script. */
export function statusPage(page: StatusPage): Html {
  const { node, pods, nowMs, refreshSeconds, nonce } = page;
  const { name = "node" } = node.metadata ?? {};
  const { kubeletVersion = "", containerRuntimeVersion = "" } = node.status?.nodeInfo ?? {};
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  const isReady = ready?.status === "True";
  const rows = pods.map((pod) => podRow(pod, nowMs));
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refreshSeconds > 0 && html`<meta http-equiv="refresh" content="${refreshSeconds}">`}
<title>${name}: kubelet</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${pageStyle}</style>
</head>
<body>
<header>
<h1>${name} <span class="mark ${isReady ? "good" : "bad"}">${isReady ? "Ready" : "NotReady"}</span></h1>
<p class="quiet">${kubeletVersion} · ${containerRuntimeVersion} · as of ${timeElement(new Date(nowMs))} ·
${refreshSeconds > 0 ? html`reloads every ${refreshSeconds} s, <a href="/?refresh=0">stop</a>` : html`<a href="/">reload every 5 s</a>`}</p>
</header>
<main>
<h2 id="pods">Pods <span class="quiet">${pods.length}</span></h2>
${pods.length === 0 ? html`<p class="quiet">none</p>` : podTable(rows)}
<h2 id="conditions">Conditions</h2>
${conditionTable(node, nowMs)}
<h2 id="events">Events</h2>
${eventTable(page)}
</main>
<footer class="quiet">JSON: <a href="/pods">/pods</a> <a href="/healthz">/healthz</a></footer>
</body>
</html>
`;
}

function podTable(rows: readonly Html[]): Html {
  const titles = ["Namespace", "Name", "Status", "Ready", "Restarts", "Age", "IP", "Source", "Logs"];
  return table("pods", titles, rows);
}

function podRow({ pod, source, status, state }: KubeletPod, nowMs: number): Html {
  const { namespace, name } = pod.metadata;
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status;
  const restarts = [...initContainerStatuses, ...containerStatuses].reduce(
    (sum, { restartCount }) => sum + restartCount,
    0,
  );
  const readyCount = containerStatuses.filter(({ ready }) => ready).length;
  const isAllReady = readyCount === pod.spec.containers.length;
  const word = state === "terminating" ? "Terminating" : podStatusWord(status);
  const message = status.message ?? waitingMessage([...initContainerStatuses, ...containerStatuses]);
  const isGood = (word === "Running" && isAllReady) || word === "Completed" || word === "Succeeded";
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return html`<tr>
<td data-title="Namespace">${namespace}</td>
<th scope="row" data-title="Name">${name}</th>
<td data-title="Status"><span class="mark ${isGood ? "good" : "bad"}">${word}</span>${message && html`<div class="quiet">${message}</div>`}</td>
<td data-title="Ready">${readyCount}/${pod.spec.containers.length}</td>
<td data-title="Restarts">${restarts}</td>
<td data-title="Age">${status.startTime && ageElement(status.startTime, nowMs)}</td>
<td data-title="IP">${status.podIP}</td>
<td data-title="Source">${source}</td>
<td data-title="Logs">${all.map((one) => logLinks(namespace, name, one))}</td>
</tr>
`;
}

/** Why a container waits, where the runtime said it: such as an image that cannot be pulled. */
function waitingMessage(statuses: readonly ContainerStatus<Date>[]): string | undefined {
  return statuses.map(({ state }) => state?.waiting?.message).find((message) => message);
}

/** Links to the log of a container, and to that of the instance before. */
function logLinks(
  namespace: string,
  pod: string,
  { name, state, lastState }: ContainerStatus<Date>,
): Html | undefined {
  const path = `/logs/${[namespace, pod, name].map(encodeURIComponent).join("/")}`;
  const hasCurrent = state?.running !== undefined || state?.terminated !== undefined;
  const hasPrevious = lastState?.terminated !== undefined;
  if (!hasCurrent && !hasPrevious) return undefined;
  return html`<a href="${path}">${name}</a>${hasPrevious && html` <a class="quiet" href="${path}?previous=true">previous</a>`} `;
}

function conditionTable({ status }: Node<Date>, nowMs: number): Html {
  const rows = (status?.conditions ?? []).map(
    (condition) => html`<tr>
<th scope="row" data-title="Type">${condition.type}</th>
<td data-title="Status">${conditionMark(condition.type, condition.status)}</td>
<td data-title="Since">${condition.lastTransitionTime && ageElement(condition.lastTransitionTime, nowMs)}</td>
<td data-title="Reason">${condition.reason}</td>
<td data-title="Message">${condition.message}</td>
</tr>
`,
  );
  return table("conditions", ["Type", "Status", "Since", "Reason", "Message"], rows);
}

/** Of the kubelet's conditions, Ready is good when it is True, and the pressures when they are False. */
function conditionMark(type: string, status: string): Html {
  const good = type === "Ready" ? "True" : type.endsWith("Pressure") ? "False" : undefined;
  if (good === undefined) return html`${status}`;
  return html`<span class="mark ${status === good ? "good" : "bad"}">${status}</span>`;
}

function eventTable({ events, nowMs }: StatusPage): Html {
  if (events.length === 0) return html`<p class="quiet">none</p>`;
  const rows = events
    .slice(-maxEvents)
    .reverse()
    .map(
      ({ type, reason, message, object, timeMs }) => html`<tr>
<td data-title="Age">${ageElement(new Date(timeMs), nowMs)}</td>
<td data-title="Type">${type === "Warning" ? html`<span class="mark bad">${type}</span>` : type}</td>
<td data-title="Reason">${reason}</td>
<td data-title="Object">${[object.namespace, object.name].filter((part) => part !== "").join("/")}</td>
<td data-title="Message">${message}</td>
</tr>
`,
    );
  return table("events", ["Age", "Type", "Reason", "Object", "Message"], rows);
}

function table(name: string, titles: readonly string[], rows: readonly Html[]): Html {
  const heads = titles.map((title) => html`<th scope="col">${title}</th>`);
  return html`<table aria-labelledby="${name}"><thead><tr>${heads}</tr></thead>
<tbody>
${rows}</tbody></table>`;
}

function ageElement(time: Date, nowMs: number): Html {
  const text = formatAge(nowMs - time.getTime());
  return html`<time datetime="${time.toISOString()}" title="${time.toISOString()}">${text}</time>`;
}

function timeElement(time: Date): Html {
  const text = time.toISOString();
  return html`<time datetime="${text}">${text.slice(0, 19).replace("T", " ")} UTC</time>`;
}
