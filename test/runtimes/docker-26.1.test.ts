import { runtimeTests } from "./suite.js";

runtimeTests("docker-26.1");
