// Starts a process with a host driver, and exits without closing the driver as soon as the process runs.
import { hostDriver } from "../../../../src/testing/embedded/host/driver.js";
import { containerConfig, sh } from "../../../support/host-driver.js";

const driver = await hostDriver({ stateDir: process.argv[2] ?? "" });
const container = containerConfig();
await driver.create(container);
const started = await driver.start(container, sh("(setsid sleep 500 &); echo ready; exec env -i sleep 500"));
started.stdout.on("data", () => process.exit(3));
