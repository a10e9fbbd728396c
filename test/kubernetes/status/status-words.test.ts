// The words of a status are those of `kubectl get pods`.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ContainerState,
  type ContainerStatus,
  formatAge,
  type PodStatus,
  podStatusWord,
} from "../../../src/kubernetes/index.js";

function container(
  state: ContainerState<Date>,
  more: Partial<ContainerStatus<Date>> = {},
): ContainerStatus<Date> {
  return { name: "c", image: "i", imageID: "", ready: false, restartCount: 0, state, ...more };
}

test("the status is the reason of what does not run", () => {
  const running = container({ running: {} }, { ready: true, started: true });
  const completed = container({ terminated: { exitCode: 0, reason: "Completed" } });
  const waiting = (reason: string) => container({ waiting: { reason } });
  const cases: [PodStatus<Date>, string][] = [
    [{ phase: "Running", containerStatuses: [running] }, "Running"],
    [{ phase: "Pending", containerStatuses: [waiting("ContainerCreating")] }, "ContainerCreating"],
    [{ phase: "Pending", containerStatuses: [waiting("ImagePullBackOff")] }, "ImagePullBackOff"],
    [{ phase: "Running", containerStatuses: [running, waiting("CrashLoopBackOff")] }, "CrashLoopBackOff"],
    [{ phase: "Running", containerStatuses: [running, completed] }, "Running"],
    [{ phase: "Succeeded", containerStatuses: [completed] }, "Completed"],
    [{ phase: "Failed", containerStatuses: [container({ terminated: { exitCode: 3 } })] }, "ExitCode:3"],
    [
      { phase: "Failed", containerStatuses: [container({ terminated: { exitCode: 137, signal: 9 } })] },
      "Signal:9",
    ],
    [{ phase: "Failed", reason: "DeadlineExceeded", containerStatuses: [] }, "DeadlineExceeded"],
    [
      { phase: "Running", containerStatuses: [waiting("CrashLoopBackOff"), waiting("ErrImagePull")] },
      "CrashLoopBackOff",
    ],
    [
      {
        phase: "Failed",
        initContainerStatuses: [container({ terminated: { exitCode: 1, reason: "Error" } })],
        containerStatuses: [waiting("PodInitializing")],
      },
      "Init:Error",
    ],
    [
      {
        phase: "Running",
        conditions: [{ type: "Initialized", status: "True" }],
        initContainerStatuses: [
          container({ terminated: { exitCode: 1, reason: "Error" } }, { started: false }),
        ],
        containerStatuses: [running],
      },
      "Running",
    ],
    [
      {
        phase: "Pending",
        initContainerStatuses: [completed, container({ running: {} })],
        containerStatuses: [waiting("PodInitializing")],
      },
      "Init:1/2",
    ],
    [
      { phase: "Pending", initContainerStatuses: [waiting("ErrImagePull")], containerStatuses: [] },
      "Init:ErrImagePull",
    ],
    [
      {
        phase: "Pending",
        initContainerStatuses: [running],
        containerStatuses: [waiting("ContainerCreating")],
      },
      "ContainerCreating",
    ],
  ];
  for (const [status, word] of cases) assert.equal(podStatusWord(status), word);
});

test("durations are those of kubectl", () => {
  const texts = [-1, 5, 119, 120, 605, 7_200, 20_000, 200_000].map((seconds) => formatAge(seconds * 1_000));
  assert.deepEqual(texts, ["0s", "5s", "119s", "2m0s", "10m", "120m", "5h33m", "2d7h"]);
});
