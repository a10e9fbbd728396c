/**
 * Test against CRI without a runtime: the embedded runtime and its faults, recordings,
 * fixtures, and the conformance suite.
 *
 * @packageDocumentation
 */

// Faults in front of a runtime.
export {
  type Chaos,
  type ChaosCalls,
  type ChaosDuration,
  type ChaosEvents,
  type ChaosFault,
  type ChaosOptions,
  type ChaosPlan,
  type ChaosRecord,
  type ChaosRule,
  type ChaosSessionMethod,
  type ChaosStreamMethod,
  type ChaosTiming,
  chaos,
  defaultChaosPlan,
  parseChaosPlan,
} from "./chaos/index.js";
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
  type ConformanceLogLine,
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
  type PodConfig as ConformancePodConfig,
  type PodOptions as ConformancePodOptions,
  runConformance,
  shellCommands,
} from "./conformance/index.js";
export { type Clock, VirtualClock } from "./embedded/clock.js";
export type { ProcessSpec } from "./embedded/driver.js";
// A runtime inside this process.
export { EmbeddedRuntime } from "./embedded/embedded-runtime.js";
export type { CallLog, CallOf, RecordedCall, RequestOf, ResponseOf } from "./embedded/faults/call-log.js";
export type { FaultError, FaultOptions, Faults, FaultTimingOptions } from "./embedded/faults/faults.js";
export {
  type CatalogueImage,
  defaultCatalogue,
  type EmbeddedImage,
  ImageCatalogue,
  type ImageStore,
  type OciImageConfig,
  parseCatalogue,
  type RegistryAuth,
  type StoredImage,
} from "./embedded/images/index.js";
export type { EmbeddedOptions } from "./embedded/options.js";
export type { RuntimeLike } from "./embedded/profile.js";
export type { Program, ProgramContext, Programs } from "./embedded/scripted/program.js";
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
// Recordings of the calls to a runtime.
export {
  type RecordingOptions,
  type RecordingTransport,
  type Replay,
  type ReplayOptions,
  recording,
  replaying,
} from "./recording/index.js";
