/**
 * Tests of CRI clients and runtimes: the embedded runtime and its faults, faults in front of any runtime, recordings, fixtures, and the
 * conformance suite.
 *
 * @packageDocumentation
 */

// A runtime inside this process.
export {
  type Clock,
  type EmbeddedOptions,
  EmbeddedRuntime,
  type ProcessSpec,
  type Program,
  type ProgramContext,
  type Programs,
  type RuntimeLike,
  VirtualClock,
} from "./testing/index.js";

// Its images.
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
} from "./testing/index.js";

// Its faults, and the record of its calls.
export type {
  ResponseOf,
  CallLog,
  CallOf,
  FaultError,
  FaultOptions,
  Faults,
  FaultTimingOptions,
  RecordedCall,
  RequestOf,
} from "./testing/index.js";

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
} from "./testing/index.js";

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
} from "./testing/index.js";

// Recordings of the calls to a runtime, and their replay.
export {
  type RecordingOptions,
  type RecordingTransport,
  type Replay,
  type ReplayOptions,
  recording,
  replaying,
} from "./testing/index.js";

// The conformance suite.
export {
  type ConformanceCase,
  type ConformanceCommandOptions,
  type ConformanceCommandResult,
  type ConformanceCommands,
  type ConformanceContainer,
  type ConformanceContainerOptions,
  type ConformanceContext,
  type ConformanceGroup,
  type ConformanceImages,
  type ConformanceLogLine,
  type ConformanceOptions,
  type ConformanceOutcome,
  type ConformancePod,
  type ConformancePodConfig,
  type ConformancePodOptions,
  type ConformanceReport,
  type ConformanceResult,
  type ConformanceTarget,
  conformanceCases,
  conformanceGroups,
  conformanceOutcomes,
  type Deviations,
  deviationsFor,
  formatJson,
  formatJUnit,
  formatTable,
  knownDeviations,
  runConformance,
  shellCommands,
} from "./testing/index.js";
