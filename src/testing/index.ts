/**
 * Test against CRI without a runtime: the embedded runtime and its faults, fixtures, and the conformance suite.
 *
 * @packageDocumentation
 */

// A runtime inside this process.
export { EmbeddedRuntime } from "./embedded/embedded-runtime.js";
export type { EmbeddedOptions } from "./embedded/options.js";
export type { RuntimeLike } from "./embedded/profile.js";
export type { Clock } from "./embedded/clock.js";
export { VirtualClock } from "./embedded/virtual-clock.js";
export type { ProcessSpec } from "./embedded/driver.js";
export type { Programs } from "./embedded/scripted/driver.js";
export type { Program, ProgramContext } from "./embedded/scripted/program.js";
export type { FaultError, FaultOptions, Faults, MomentOptions } from "./embedded/faults/faults.js";
export type { AnswerOf, CallLog, CallOf, RecordedCall, RequestOf } from "./embedded/faults/call-log.js";
export {
  type CatalogueImage,
  defaultCatalogue,
  type EmbeddedImage,
  ImageCatalogue,
  type ImageStore,
  type NodeImage,
  type OciImageConfig,
  parseCatalogue,
  type RegistryAuth,
} from "./embedded/images/index.js";

// Messages for tests.
export {
  type ContainerFixture,
  type ContainerOfPod,
  createFixtures,
  type Fixture,
  type Fixtures,
  type FixturesOptions,
  fixtures,
  type PodFixture,
  type PodOptions,
} from "./fixtures/index.js";

// The rules of CRI as checks of any runtime.
export {
  type CommandOptions as ConformanceCommandOptions,
  type CommandResult as ConformanceCommandResult,
  type ConformanceCase,
  type ConformanceCommands,
  type ConformanceContainer,
  type ConformanceContext,
  type ConformanceGroup,
  type ConformanceImages,
  type ConformanceOptions,
  type ConformanceOutcome,
  type ConformancePod,
  type ConformanceReport,
  type ConformanceResult,
  type ConformanceTarget,
  type ContainerOptions as ConformanceContainerOptions,
  conformanceCases,
  conformanceGroups,
  conformanceOutcomes,
  type Deviations,
  deviationsFor,
  formatJson,
  formatJUnit,
  formatTable,
  knownDeviations,
  type LogLine,
  type PodConfig as ConformancePodConfig,
  type PodOptions as ConformancePodOptions,
  runConformance,
  shellCommands,
} from "./conformance/index.js";
