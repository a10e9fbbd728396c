export { type HostDriverOptions, hostDriver } from "./host-driver.js";
