// Addresses in a network namespace, read from files of /proc.
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { addressesOf, openNamespace, pathOf } from "../../examples/dockershim/network/namespace.js";
import { isolatedProcess } from "./network-plugins.js";

test("the addresses of a process are those of its interfaces without loopback and link-local ones", async () => {
  const found = await addressesOf(process.pid);
  const external = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const expected = external.filter(({ internal, address }) => !internal && !address.startsWith("fe80:"));
  // Interfaces that are down are missing from the expected ones.
  for (const { address } of expected) assert.ok(found.includes(address), `${address} is in ${found}`);
  for (const address of found) assert.doesNotMatch(address, /^(127\.|::1$|fe80:)/);
  assert.equal(new Set(found).size, found.length);
});

test("a process that has ended has no addresses and no namespace", async (t) => {
  const child = await isolatedProcess(t);
  if (!child) return;
  const { pid } = child;
  assert.deepEqual(await addressesOf(pid), []);
  const namespace = await openNamespace(pid);
  assert.ok(namespace);
  assert.match(pathOf(namespace), /^\/proc\/\d+\/fd\/\d+$/);
  await namespace.close();
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  assert.deepEqual(await addressesOf(pid), []);
  assert.equal(await openNamespace(pid), undefined);
});
