import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import {
  type ContainerEventResponse,
  ContainerEventResponseSchema,
  type ListContainersResponse,
  ListContainersResponseSchema,
  type VersionResponse,
  VersionResponseSchema,
} from "cri-sdk/v1";

/** The responses of all servers' handlers: created once, and encoded by the server for each call. */
export interface Messages {
  readonly version: VersionResponse;
  readonly event: ContainerEventResponse;
  /** By the filter of the request. */
  list(filter: string | undefined): ListContainersResponse;
}

/** Reads the messages of a folder. */
export function readMessages(folder: string): Messages {
  const lists = new Map<string | undefined, ListContainersResponse>();
  for (const file of readdirSync(folder))
    if (file.startsWith("list-")) {
      const list = fromBinary(ListContainersResponseSchema, readFileSync(join(folder, file)));
      lists.set(String(list.containers.length), list);
    }
  return {
    version: fromBinary(VersionResponseSchema, readFileSync(join(folder, "version.bin"))),
    event: fromBinary(ContainerEventResponseSchema, readFileSync(join(folder, "event.bin"))),
    list(filter) {
      const list = lists.get(filter);
      if (!list) throw new Error(`there is no list for the filter ${filter}`);
      return list;
    },
  };
}
