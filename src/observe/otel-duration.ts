import type {
  OpenTelemetryApi,
  OtelAttributes,
  OtelContext,
  OtelHistogram,
  OtelMeterProvider,
} from "./otel-api.js";

/** The conventions' bounds, and some for pulls and for sandboxes, which take minutes. */
const boundsSeconds = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 300,
];

/** The histogram `rpc.client.call.duration`, in seconds. */
export class CallDuration {
  readonly #api: OpenTelemetryApi;
  readonly #given: OtelMeterProvider | undefined;
  #provider: OtelMeterProvider | undefined;
  #histogram: OtelHistogram | undefined;

  constructor(api: OpenTelemetryApi, given: OtelMeterProvider | undefined) {
    this.#api = api;
    this.#given = given;
  }

  record(seconds: number, attributes: OtelAttributes, context: OtelContext): void {
    // Unlike a tracer, a meter of before the SDK was set up stays without effect for ever.
    const provider = this.#given ?? this.#api.metrics.getMeterProvider();
    if (provider !== this.#provider || !this.#histogram) {
      this.#provider = provider;
      this.#histogram = provider.getMeter("cri-sdk").createHistogram("rpc.client.call.duration", {
        description: "How long calls of the container runtime take.",
        unit: "s",
        advice: { explicitBucketBoundaries: boundsSeconds },
      });
    }
    this.#histogram.record(seconds, attributes, context);
  }
}
