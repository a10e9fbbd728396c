import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DeviceSchema } from "../../../gen/runtime/v1/api_pb.js";
import { Fields } from "./fields.js";
import { containerPath, hostPath } from "./paths.js";
import type { ContainerSpec, DeviceSpec } from "./spec-container.js";

const cdi = /^[A-Za-z][\w.-]*\/[A-Za-z][\w-]*=[A-Za-z0-9][\w.:-]*$/;

export function readDevices(fields: Fields<ContainerSpec>): MessageInitShape<typeof DeviceSchema>[] {
  return fields.list("devices", (value, path) => {
    const device = new Fields<DeviceSpec>(value, path, fields.report);
    const source = device.required("hostPath", "the device on the host", hostPath);
    const read = {
      hostPath: source,
      containerPath: device.text("containerPath", containerPath) ?? source,
      permissions: device.text("permissions", permissions) ?? "rwm",
    };
    device.end();
    return read;
  });
}

/** Devices by the names that the Container Device Interface has for them. */
export function readCdiDevices(fields: Fields<ContainerSpec>): { readonly name: string }[] {
  return fields.texts("cdiDevices", cdiName).map((name) => ({ name }));
}

function permissions(text: string): string | undefined {
  return /^(?!.*(.).*\1)[rwm]+$/.test(text) ? undefined : 'must be letters of "rwm", each once';
}

function cdiName(text: string): string | undefined {
  return cdi.test(text) ? undefined : "must be named vendor.com/class=name";
}
