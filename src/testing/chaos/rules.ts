import type { CriErrorCode } from "../../core/index.js";
import type { RpcName } from "../../transport/index.js";
import type { ChaosDuration } from "./durations.js";

/** The RPCs of which each call is a long stream of messages. */
export type ChaosStreamMethod = "getContainerEvents" | Extract<RpcName, `stream${string}`>;
/** The RPCs that open a streaming session. */
export type ChaosSessionMethod = "exec" | "attach" | "portForward";

/** Which calls a rule applies to. Calls are counted for each RPC, from 1. */
export interface ChaosCalls<M extends RpcName = RpcName> {
  /** The rule's name in records. The decisions of a rule with a name do not change when other rules are added. @default `rules[N]` */
  readonly name?: string | undefined;
  /** The RPCs, by their TypeScript names. @default "all" to which the fault can happen */
  readonly methods?: "all" | readonly M[] | undefined;
  /** The share of the calls, from 0 to 1. @default 1 */
  readonly probability?: number | undefined;
  /** The numbers of the calls: `[3]` is the third call of each of the RPCs. @default all */
  readonly calls?: readonly number[] | undefined;
  /** The number of first calls of each RPC that the rule leaves alone. @default 0 */
  readonly skip?: number | undefined;
  /** The largest number of faults of the rule for each RPC. @default no limit */
  readonly times?: number | undefined;
}

/** Whether a fault happens before the runtime hears of the call, or after it did everything. */
export interface ChaosTiming {
  /** @default "before" */
  readonly when?: "before" | "after" | undefined;
}

/**
 * Delays calls. A cancellation or deadline of the client ends the wait. Delays of several rules add up, and go with one other fault.
 *
 * @inline
 */
export interface DelayRule extends ChaosCalls, ChaosTiming {
  readonly fault: "delay";
  /** How much longer the call takes, in milliseconds. */
  readonly ms: ChaosDuration;
}

/**
 * Fails calls with an error.
 *
 * @inline
 */
export interface FailRule extends ChaosCalls, ChaosTiming {
  readonly fault: "fail";
  /** The error's code. */
  readonly code: CriErrorCode;
  /** The error's text, which clients may match: `server is not initialized yet`. @default "a fault of the test" */
  readonly message?: string | undefined;
}

/**
 * Breaks the client's connection; all other calls on it fail, too. With `when: "after"`, the effect is there and the response is lost.
 *
 * @inline
 */
export interface CutConnectionRule extends ChaosCalls, ChaosTiming {
  readonly fault: "cutConnection";
}

/**
 * Never responds: the call ends when the client cancels it or its deadline passes.
 *
 * @inline
 */
export interface HangRule extends ChaosCalls, ChaosTiming {
  readonly fault: "hang";
}

/**
 * Replaces the response, or each message of a stream, by bytes that are not a valid message.
 *
 * @inline
 */
export interface CorruptRule extends ChaosCalls {
  readonly fault: "corrupt";
}

/**
 * Restarts the proxy during a call: all connections and sessions break, and new ones are refused for a while.
 *
 * @inline
 */
export interface RestartRule extends ChaosCalls, ChaosTiming {
  readonly fault: "restart";
  /** The time until connections are accepted again. @default 1_000 */
  readonly downMs?: ChaosDuration | undefined;
}

/**
 * Ends a stream of messages.
 *
 * @inline
 */
export interface CutStreamRule extends ChaosCalls<ChaosStreamMethod> {
  readonly fault: "cutStream";
  /** The number of messages that the client still receives. @default 0, or no limit with `afterMs` */
  readonly afterMessages?: number | undefined;
  /** The time after which the stream ends. @default none */
  readonly afterMs?: ChaosDuration | undefined;
  /** How it ends: with an error, with its connection, or without an error, as if it were complete. @default "error" */
  readonly how?: "error" | "connection" | "complete" | undefined;
  /** The error's code, with `how: "error"`. @default "unavailable" */
  readonly code?: CriErrorCode | undefined;
  /** The error's text, with `how: "error"`. @default "a fault of the test" */
  readonly message?: string | undefined;
}

/**
 * Stops delivering the messages of a stream, which stays open.
 *
 * @inline
 */
export interface StallStreamRule extends ChaosCalls<ChaosStreamMethod> {
  readonly fault: "stallStream";
  /** The number of messages before the stall. @default 0 */
  readonly afterMessages?: number | undefined;
  /** The time after which the messages are delivered, late. @default never */
  readonly ms?: ChaosDuration | undefined;
}

/** Which streams of events, and which of their events, a rule applies to: `probability` and `times` count events. */
export type ChaosEvents = Omit<ChaosCalls, "methods">;

/**
 * Drops events.
 *
 * @inline
 */
export interface DropEventsRule extends ChaosEvents {
  readonly fault: "dropEvents";
}

/**
 * Delivers events late; later ones wait behind them.
 *
 * @inline
 */
export interface DelayEventsRule extends ChaosEvents {
  readonly fault: "delayEvents";
  /** How late an event is, in milliseconds. */
  readonly ms: ChaosDuration;
}

/**
 * Breaks the connection of a streaming session; `https://` URLs are left alone.
 *
 * @inline
 */
export interface CutSessionRule extends ChaosCalls<ChaosSessionMethod> {
  readonly fault: "cutSession";
  /** The number of bytes from the runtime that the client still receives, HTTP headers included. @default 0, or no limit with `afterMs` */
  readonly afterBytes?: number | undefined;
  /** The time after which the connection breaks. @default none */
  readonly afterMs?: ChaosDuration | undefined;
}

/** A fault, and the calls to which it happens. */
export type ChaosRule =
  | DelayRule
  | FailRule
  | CutConnectionRule
  | HangRule
  | CorruptRule
  | RestartRule
  | CutStreamRule
  | StallStreamRule
  | DropEventsRule
  | DelayEventsRule
  | CutSessionRule;

/** The kind of a fault. */
export type ChaosFault = ChaosRule["fault"];

/** The rule of one kind of fault. */
export type RuleOf<F extends ChaosFault> = Extract<ChaosRule, { readonly fault: F }>;

/** What goes wrong, and when. */
export interface ChaosPlan {
  /** Every call is compared with the rules in this order: of several faults other than delays, the first one happens. */
  readonly rules: readonly ChaosRule[];
}
