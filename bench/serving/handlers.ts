import { fromBinary } from "@bufbuild/protobuf";
import { ListContainersResponseSchema, VersionResponseSchema } from "cri-sdk/v1";
import { listAnswer, versionAnswer } from "../server/messages.js";

/** What every server's handlers give: made once, and encoded by the server for each call. */
export const version = fromBinary(VersionResponseSchema, versionAnswer());
export const list = fromBinary(ListContainersResponseSchema, listAnswer(1_000));
