import { atEndOfTurn } from "../../core/index.js";

/** A call with a deadline. */
export interface CallWithDeadline {
  /** Starts the timer, unless the call is over. */
  startTimer(): void;
}

/**
 * Starts the timers of deadlines at the end of the turn of the event loop in which the calls arrive: most calls are over by then, and
 * setting and clearing a timer costs as much as all the rest of a small call's HTTP/2.
 */
export class Deadlines {
  #arrived: CallWithDeadline[] = [];

  add(call: CallWithDeadline): void {
    if (this.#arrived.push(call) === 1) atEndOfTurn(() => this.#start());
  }

  #start(): void {
    const calls = this.#arrived;
    this.#arrived = [];
    for (const call of calls) call.startTimer();
  }
}
