import { runtimeTests } from "./suite.js";

runtimeTests("2.1");
