import { runtimeTests } from "./suite.js";

runtimeTests("1.7");
