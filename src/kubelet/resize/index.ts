export { type AllocationsOptions, PodAllocations } from "./allocations.js";
