import { runtimeTests } from "./suite.js";

runtimeTests("docker-20.10");
