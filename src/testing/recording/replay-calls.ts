import { type DescMessage, type Message, toJson } from "@bufbuild/protobuf";
import { type CriError, criError } from "../../core/index.js";
import { type Difference, differences, formatDifferences } from "./differences.js";
import type { MessageJson } from "./format.js";
import type { Masking } from "./masking.js";
import { messageOfText } from "./message-text.js";
import { type RecordableMethod, rpcNameOf } from "./methods.js";
import type { Exchange, RecordingContent } from "./read-recording.js";
import { Substitutions, type VaryingFields } from "./varying.js";

/** How calls find their recorded ones. */
export interface CallMatcher {
  /** Returns the recorded call for a call. Throws `not_recorded`, with a diff. */
  take(method: RecordableMethod, request: Message): MatchedCall;
  /** The recorded calls that were not made yet. */
  readonly pending: readonly Exchange[];
}

/** A recorded call that serves a call. */
export interface MatchedCall {
  readonly exchange: Exchange;
  /** Whether it served a call before. */
  readonly isRepeated: boolean;
}

/** Compares calls with recorded ones, and replaces the values that differ from run to run. */
export class CallComparison {
  readonly #masking: Masking;
  readonly #varying: VaryingFields;
  #substitutions = new Substitutions();

  constructor(masking: Masking, varying: VaryingFields) {
    this.#masking = masking;
    this.#varying = varying;
  }

  /** Returns the differences between a call and a recorded one of the same RPC. Without any, learns the values of this run. */
  compare(method: RecordableMethod, request: Message, exchange: Exchange): Difference[] {
    const { input } = method;
    const recorded = messageOfText(input, exchange.request);
    const current = this.#masking.message(input, request);
    const learned = this.#substitutions.with(this.#varying.replacements(input, recorded, current));
    learned.toRecorded(input, current);
    const found = differences(toJson(input, recorded), toJson(input, current));
    if (found.length === 0) this.#substitutions = learned;
    return found;
  }

  /** Replaces the recording's values by those of this run. */
  toCurrent(schema: DescMessage, message: Message): void {
    this.#substitutions.toCurrent(schema, message);
  }

  /** Returns a request as an error shows it: with secrets masked. */
  shown({ input }: RecordableMethod, request: Message): MessageJson {
    return toJson(input, this.#masking.message(input, request)) as MessageJson;
  }
}

/** Expects the calls of the recording, in its order. */
export class StrictCalls implements CallMatcher {
  readonly #content: RecordingContent;
  readonly #comparison: CallComparison;
  #next = 0;

  constructor(content: RecordingContent, comparison: CallComparison) {
    this.#content = content;
    this.#comparison = comparison;
  }

  take(method: RecordableMethod, request: Message): MatchedCall {
    const { file, exchanges } = this.#content;
    const rpc = rpcNameOf(method);
    const exchange = exchanges[this.#next];
    const called = () => `${rpc} ${JSON.stringify(this.#comparison.shown(method, request))}`;
    if (!exchange)
      throw notRecorded(
        rpc,
        `the recording ${file} ends after ${exchanges.length} calls\n  called ${called()}`,
      );
    const where = `call ${exchange.number} of the recording (${file}:${exchange.line})`;
    if (exchange.rpc !== rpc) {
      const recorded = `${exchange.rpc} ${JSON.stringify(exchange.request.json)}`;
      throw notRecorded(rpc, `${where} is another RPC\n  recorded ${recorded}\n  called ${called()}`);
    }
    const found = this.#comparison.compare(method, request, exchange);
    if (found.length > 0)
      throw notRecorded(rpc, `the request differs from ${where}\n${formatDifferences(found)}`);
    this.#next++;
    return { exchange, isRepeated: false };
  }

  get pending(): readonly Exchange[] {
    return this.#content.exchanges.slice(this.#next);
  }
}

/**
 * Finds recorded calls by RPC and request. Calls with the same request get the recorded ones in their order, and the last one again when
 * there are no more.
 */
export class LooseCalls implements CallMatcher {
  readonly #content: RecordingContent;
  readonly #comparison: CallComparison;
  readonly #unused: Set<Exchange>;

  constructor(content: RecordingContent, comparison: CallComparison) {
    this.#content = content;
    this.#comparison = comparison;
    this.#unused = new Set(content.exchanges);
  }

  take(method: RecordableMethod, request: Message): MatchedCall {
    const rpc = rpcNameOf(method);
    const ofRpc = this.#content.exchanges.filter((exchange) => exchange.rpc === rpc);
    const candidates = [
      ...ofRpc.filter((exchange) => this.#unused.has(exchange)),
      ...ofRpc.filter((exchange) => !this.#unused.has(exchange)).reverse(),
    ];
    let nearest: { readonly exchange: Exchange; readonly found: Difference[] } | undefined;
    for (const exchange of candidates) {
      const found = this.#comparison.compare(method, request, exchange);
      if (found.length === 0) return { exchange, isRepeated: !this.#unused.delete(exchange) };
      if (!nearest || found.length < nearest.found.length) nearest = { exchange, found };
    }
    const { file } = this.#content;
    if (!nearest) {
      const called = JSON.stringify(this.#comparison.shown(method, request));
      throw notRecorded(rpc, `the recording ${file} has no call of ${rpc}\n  called ${rpc} ${called}`);
    }
    const { exchange, found } = nearest;
    const where = `the nearest one, call ${exchange.number} (${file}:${exchange.line})`;
    const text = `no call of ${rpc} in the recording has this request; it differs from ${where}`;
    throw notRecorded(rpc, `${text}\n${formatDifferences(found)}`);
  }

  get pending(): readonly Exchange[] {
    return this.#content.exchanges.filter((exchange) => this.#unused.has(exchange));
  }
}

function notRecorded(method: string, text: string): CriError {
  return criError("not_recorded", text, { method });
}
