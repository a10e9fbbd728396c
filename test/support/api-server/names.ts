import { randomInt } from "node:crypto";

const letters = "bcdfghjklmnpqrstvwxz2456789";

/** Returns five random characters, as the API server appends to `generateName`. */
export function randomSuffix(): string {
  return Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join("");
}
